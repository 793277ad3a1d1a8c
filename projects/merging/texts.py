"""What all types of config files have in common: their names, their mistakes, their places."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

MAX_CHARACTERS = 1 << 20
BYTE_ORDER_MARK = "\ufeff"
UNUSABLE = re.compile("[\x00\ud800-\udfff]")
NEW_LINE = re.compile(r"\r\n|\n|\r")


class FileType(StrEnum):
    JSON = "JSON"
    XML = "XML"
    DOTENV = "DOTENV"
    TXT = "TXT"


class Origin(StrEnum):
    """Where something in a merged file comes from."""

    BASE = "base"
    OVERRIDE = "override"
    REMOVED = "removed"


class Place(NamedTuple):
    """A position as people count it: both from 1, columns in characters."""

    line: int
    column: int


class ConfigError(ValueError):
    """A config file or override cannot be read; `origin` says which of the two."""

    def __init__(self, message: str, *, at: Place, origin: Origin = Origin.BASE) -> None:
        super().__init__(f"line {at.line}, column {at.column}: {message}")
        self.message = message
        self.line, self.column = at
        self.origin = origin


def place_of(text: str, offset: int) -> Place:
    breaks = list(NEW_LINE.finditer(text, 0, offset))
    # A break cut in half by `offset`, as between CR and LF, has not ended its line yet.
    if breaks and text[offset - 1 : offset + 1] == "\r\n":
        breaks.pop()
    return Place(len(breaks) + 1, offset - (breaks[-1].end() if breaks else 0) + 1)


def new_line_of(text: str) -> str:
    """How `text` ends its lines, judged by the first."""
    found = NEW_LINE.search(text)
    return found[0] if found else "\n"


def require_usable(text: str, origin: Origin) -> None:
    """Refuse what no type of file may hold."""
    if len(text) > MAX_CHARACTERS:
        at = place_of(text, MAX_CHARACTERS)
        raise ConfigError(
            f"The file is longer than {MAX_CHARACTERS} characters.", at=at, origin=origin
        )
    found = UNUSABLE.search(text)
    if found:
        name = "NUL" if found[0] == "\x00" else "Half a surrogate pair"
        raise ConfigError(
            f"{name} is not allowed.", at=place_of(text, found.start()), origin=origin
        )


def is_blank(override: str | None) -> bool:
    """Whether an override says nothing at all."""
    return override is None or not override.removeprefix(BYTE_ORDER_MARK).strip()
