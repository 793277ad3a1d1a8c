"""A merged file while it is written: every piece of text and every key with its origin."""

from __future__ import annotations

from dataclasses import dataclass

from projects.merging.texts import Origin


@dataclass(frozen=True)
class KeyOrigin:
    """Where the value of one key comes from, and on which line of the result it stands."""

    path: str
    origin: Origin
    line: int | None
    """None when the key was removed."""


@dataclass(frozen=True)
class Merged:
    """A config file as an environment gets it."""

    text: str
    origins: tuple[KeyOrigin, ...] = ()
    """Keys in the order of the file; empty for plain text."""
    lines: tuple[Origin, ...] = ()
    """For each line of the text: whether anything on it comes from the override."""


class Draft:
    """The text written so far. Line breaks are counted as pages show them, by LF."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.keys: list[KeyOrigin] = []
        self.overridden: set[int] = set()
        self.line = 1

    def write(self, text: str, origin: Origin = Origin.BASE) -> None:
        self.pieces.append(text)
        if origin is Origin.OVERRIDE:
            lines = text.split("\n")
            self.overridden.update(
                self.line + number for number, line in enumerate(lines) if line.strip()
            )
        self.line += text.count("\n")

    def key(self, path: str, origin: Origin) -> None:
        """Note the key whose value is written next."""
        self.keys.append(KeyOrigin(path, origin, self.line))

    def removed(self, path: str) -> None:
        self.keys.append(KeyOrigin(path, Origin.REMOVED, None))

    def finish(self) -> Merged:
        text = "".join(self.pieces)
        count = self.line - (not text or text.endswith("\n"))
        lines = (
            Origin.OVERRIDE if number in self.overridden else Origin.BASE
            for number in range(1, count + 1)
        )
        return Merged(text, tuple(self.keys), tuple(lines))
