"""One installation for each test that may break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.installation import Installation


@pytest.fixture
def install() -> Iterator[Callable[..., Installation]]:
    """Starts installations, with more environment if wanted, and leaves none behind."""
    made: list[Installation] = []

    def start(**environment: str) -> Installation:
        installation = Installation(environment=environment)
        made.append(installation)
        installation.start()
        return installation

    yield start
    for installation in made:
        installation.remove()
