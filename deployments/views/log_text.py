"""The beginning of a log as it stands on the page itself, for readers without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# What a terminal obeys and paper does not: colours, links, titles, movements of the cursor.
ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # operating system commands
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences
    r"|\x1b[ -/]*[0-~]"
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Section:
    """What one step printed; `step` is None for what stands before the first one."""

    step: dict[str, Any] | None
    text: str


def sections(content: bytes, steps: Sequence[dict[str, Any]]) -> Iterator[Section]:
    """The log, cut where its steps begin, oldest first. Steps that have not begun are left out."""
    begun = sorted((s for s in steps if s["log_from"] is not None and is_placed(s)), key=place_of)
    borders = [min(step["log_from"], len(content)) for step in begun]
    before = content[: borders[0]] if borders else content
    if before:
        yield Section(None, plain(before))
    ends = [*borders[1:], len(content)] if borders else []
    for step, start, end in zip(begun, borders, ends, strict=True):
        yield Section(step, plain(content[start:end]))


def is_placed(step: dict[str, Any]) -> bool:
    """Whether its place in the log is final: it has printed there, or it never will."""
    return bool(step["log_to"] != step["log_from"] or step["took_ms"] is not None)


def place_of(step: dict[str, Any]) -> tuple[int, int]:
    return step["log_from"], step["position"]


def plain(content: bytes) -> str:
    """Text as a terminal would leave it: of a line that was written over, its last state."""
    text = ESCAPE.sub("", content.decode(errors="replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return CONTROL.sub("·", "\n".join(lines).rstrip("\n"))
