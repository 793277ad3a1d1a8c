from __future__ import annotations

import pytest
from pytest_django import Settings


@pytest.fixture
def loopback_is_allowed(settings: Settings) -> None:
    """Receivers on this machine may be sent to."""
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]
