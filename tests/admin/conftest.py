"""Ada administers the installation; she belongs to no organization."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from orgs.models import User
from tests import factories
from tests.conftest import signed_in


def with_two_factor(user: User) -> User:
    """The account with an authenticator app, whose seed nobody may see."""
    Authenticator.objects.create(
        user=user, type=Authenticator.Type.TOTP, data={"secret": "CANARYSEEDOFATOTP"}
    )
    return user


@pytest.fixture
def ada(db: None) -> User:
    ada = factories.make_user("ada@hydra.example", name="Ada Admin", is_staff=True)
    return with_two_factor(ada)


@pytest.fixture
def desk(ada: User) -> Client:
    return signed_in(ada)
