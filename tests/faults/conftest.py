"""One installation for each test that may break it, all of them copies of one that is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.installation import Installation


@pytest.fixture(scope="session")
def ready() -> Iterator[Installation]:
    """An installation with the demo, stopped: migrating takes its time once."""
    installation = Installation()
    try:
        installation.start()
        installation.stop()
        yield installation
    finally:
        installation.remove()


@pytest.fixture
def install(ready: Installation) -> Iterator[Callable[..., Installation]]:
    """Starts installations, with more environment if wanted, and leaves none behind."""
    made: list[Installation] = []

    def start(
        *, with_demo: bool = True, steps: tuple[str, ...] = (), **environment: str
    ) -> Installation:
        installation = ready.copy(**environment)
        installation.with_demo = with_demo
        made.append(installation)
        if steps:
            installation.set_steps(*steps)
        installation.start()
        return installation

    yield start
    for installation in made:
        installation.remove()
