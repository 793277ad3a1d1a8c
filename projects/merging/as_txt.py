"""Plain text: nothing to merge, so an override replaces the file."""

from __future__ import annotations

from projects.merging.drafts import Draft, Merged
from projects.merging.texts import Origin


def check(text: str, origin: Origin) -> None:
    """Every text is plain text."""


def merge(base: str, override: str | None) -> Merged:
    draft = Draft()
    if override is None:
        draft.write(base)
    else:
        draft.write(override, Origin.OVERRIDE)
    return draft.finish()
