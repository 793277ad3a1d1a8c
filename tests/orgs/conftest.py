"""Accounts send mails, which wait until what they tell of is committed."""

from __future__ import annotations

import pytest

from tests.conftest import Browser


@pytest.fixture
def client() -> Browser:
    """Somebody who is not signed in."""
    return Browser()
