from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orgs.models import Event, Organization
from tests.conftest import Browser
from tests.identity import provider as identity_provider
from tests.identity.provider import Provider
from tests.orgs.audit_log import COUNT, happen, seal_all
from tests.orgs.sign_on import ADA, configure


@pytest.fixture
def client() -> Browser:
    """Somebody who is not signed in, and whose requests commit: accounts send their mails then."""
    return Browser()


@pytest.fixture
def org(northwind: Organization) -> Organization:
    """Northwind with twelve sealed events of its own, and no others."""
    Event.objects.all().delete()
    for number in range(1, COUNT + 1):
        happen(northwind, number, ratio=1.5, whole=100.0, nested={"b": [1, None], "a": "ä"})
    seal_all()
    return northwind


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with identity_provider.running(tmp_path_factory.mktemp("identity")) as provider:
        yield provider


@pytest.fixture
def provider(settings: Any, db: None, identity: Provider) -> Provider:
    identity.begin("http://testserver/account/sign-on/callback/")
    identity.person = ADA
    configure(settings, identity.issuer)
    return identity
