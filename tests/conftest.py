"""The cast, which every test may call upon by name.

Olivia, Max, Uma and Bill are Northwind's owner, manager, user and billing clerk; Sam is a
stranger, who owns Southwind and has nothing to look for in Northwind.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client, TestCase
from hypothesis import settings as profiles

from deployments.services import evaluations, logs
from hydra import hints
from orgs import auth
from orgs.models import Organization, Role, User
from tests import factories


def pytest_configure() -> None:
    """Slow hashing protects people; nobody in the cast needs it."""
    profiles.register_profile("house", deadline=None)  # timings belong in the bench
    profiles.load_profile("house")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each test's client is a server of its own, which would list all static files as it starts.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def a_process_without_memory() -> Iterator[None]:
    """What a process remembers between requests belongs to no test.

    The full mode's cache is a table, which each test's transaction rolls back by itself.
    """
    hints._waiting.hints = {}  # of transactions that other tests rolled back
    yield
    if settings.HYDRA_EMBEDDED:
        cache.clear()
    auth.forget_uses()
    evaluations.compiled_rules.cache_clear()
    logs.secrets_of.cache_clear()


@pytest.fixture
def olivia(db: None) -> User:
    return factories.make_user("olivia@northwind.example", name="Olivia Owner")


@pytest.fixture
def northwind(olivia: User) -> Organization:
    return factories.make_org("Northwind", owner=olivia)


@pytest.fixture
def max(northwind: Organization) -> User:
    user = factories.make_user("max@northwind.example", name="Max Manager")
    return factories.make_member(northwind, Role.MANAGER, user=user)


@pytest.fixture
def uma(northwind: Organization) -> User:
    user = factories.make_user("uma@northwind.example", name="Uma User")
    return factories.make_member(northwind, Role.USER, user=user)


@pytest.fixture
def bill(northwind: Organization) -> User:
    user = factories.make_user("bill@northwind.example", name="Bill Billing")
    return factories.make_member(northwind, Role.BILLING, user=user)


@pytest.fixture
def sam(db: None) -> User:
    return factories.make_user("sam@southwind.example", name="Sam Stranger")


@pytest.fixture
def southwind(sam: User) -> Organization:
    return factories.make_org("Southwind", owner=sam)


class Browser(Client):
    """Its requests commit: what waits for that, such as a mail, happens although the test's own
    transaction never does.
    """

    def request(self, **request: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)


def signed_in(user: User, *, minutes_ago: float = 0) -> Client:
    """A browser in which `user` signed in just now, or so long ago that it is not fresh."""
    client = Browser()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods_user"] = str(user.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time() - minutes_ago * 60, "email": user.email}
    ]
    session.save()
    return client


def stale(user: User) -> Client:
    """A browser in which `user` is signed in, but too long ago for what wants a fresh sign-in."""
    return signed_in(user, minutes_ago=11)


@pytest.fixture
def cast(
    olivia: User, max: User, uma: User, bill: User, sam: User, southwind: Organization
) -> dict[str, User]:
    """Everybody, by name."""
    return {"olivia": olivia, "max": max, "uma": uma, "bill": bill, "sam": sam}
