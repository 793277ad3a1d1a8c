"""Where the things that events are about can be seen, as the apps that have them say."""

from __future__ import annotations

from collections.abc import Callable

from orgs.models import Organization

# The address of a thing by its organization and uid; None when it is gone.
Finder = Callable[[Organization, str], str | None]

# By kind. Filled once, at start: this app does not know what the apps above it have.
_finders: dict[str, Finder] = {}


def find_by(finders: dict[str, Finder]) -> None:
    _finders.update(finders)


def kinds() -> list[str]:
    return sorted(_finders)


def address_of(org: Organization, *, kind: str, uid: str) -> str | None:
    """Where the thing is shown, if it is still there and has a page."""
    finder = _finders.get(kind)
    return finder(org, uid) if finder is not None else None
