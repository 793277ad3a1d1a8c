from __future__ import annotations

import pytest

from orgs.models import Organization
from orgs.models.rights import Right, permission
from tests import factories
from tests.api.client import Api

EVERYTHING = [permission(right) for right in Right]


@pytest.fixture
def api(northwind: Organization) -> Api:
    """A program with a key of Northwind that may do anything its owner may."""
    return Api(factories.make_key(northwind, permissions=EVERYTHING)[1])


@pytest.fixture
def ci(northwind: Organization) -> Api:
    """A pipeline, with what a key is given when nobody chooses."""
    return Api(factories.make_key(northwind)[1])


@pytest.fixture
def their_api(southwind: Organization) -> Api:
    """A program of another organization."""
    return Api(factories.make_key(southwind, permissions=EVERYTHING)[1])


@pytest.fixture
def place(northwind: Organization) -> factories.Place:
    return factories.make_place(northwind)
