from __future__ import annotations

import pytest

from orgs.models import Event, Organization
from tests.conftest import Browser
from tests.orgs.audit_log import COUNT, happen, seal_all


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
