"""The lines of a DOTENV file as they were typed, cut where a value can be exchanged."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dotenv.parser import Binding, parse_stream

from projects.merging.texts import ConfigError, Origin, place_of

MAX_ENTRIES = 10_000

QUOTED = {
    "'": re.compile(r"'(?:\\.|[^'\\])*'", re.DOTALL),
    '"': re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL),
}
BEFORE_VALUE = re.compile(
    r"(?P<blank>\s*)"
    r"(?P<label>(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+))"
    r"(?P<gap>[^\S\r\n]*)"
    r"(?P<equals>=[^\S\r\n]*)?"
)
# After every blank of a run python-dotenv looks for a comment: the square of the run's length.
LONG_RUN = re.compile(r"[^\S\r\n]{128}")
HIDDEN = "\x00"  # stands in no file, because texts.require_usable refuses it
# Not at the beginning of a line, where it makes a comment of the line.
MARK = re.compile(r"(?<=[^\s#])(?:[^\S\r\n]*(?:##\{|#\{[A-Za-z_][A-Za-z0-9_.]*\}))+")
UNQUOTED = re.compile(r"[^\r\n]*")
COMMENT = re.compile(r"\s+#.*|\s+$")


@dataclass(frozen=True)
class Entry:
    """A name and its value; the five parts put together are the text."""

    name: str
    value: str | None
    """None where the name stands alone, for whoever reads the file to fill in."""
    blank: str
    """Empty lines before."""
    label: str
    """The name with its `export` and quotes."""
    equals: str
    spelled: str
    """The value with its quotes."""
    tail: str
    """The comment behind it and the end of the line."""

    @property
    def quote(self) -> str:
        return self.spelled[0] if self.spelled[:1] in QUOTED else ""

    @property
    def text(self) -> str:
        return self.blank + self.label + self.equals + self.spelled + self.tail


@dataclass(frozen=True)
class Filler:
    """Comments and empty lines."""

    text: str


def parse(text: str, origin: Origin = Origin.BASE) -> Iterator[Entry | Filler]:
    """What a DOTENV file consists of, in order. ConfigError where it cannot be understood.

    A `#{NAME}` within a line belongs to its value, where another `#` would begin a comment.
    """
    run = LONG_RUN.search(text)
    if run is not None:
        at = place_of(text, run.start())
        raise ConfigError("There are 128 blanks in a row.", at=at, origin=origin)
    hidden = MARK.sub(lambda found: found[0].replace("#", HIDDEN), text)
    offset = 0
    for count, binding in enumerate(parse_stream(io.StringIO(hidden, newline=""))):
        if count == MAX_ENTRIES:
            at = place_of(text, offset)
            raise ConfigError(f"There are more than {MAX_ENTRIES} entries.", at=at, origin=origin)
        if binding.error:
            raise mistake(hidden, offset, origin)
        end = offset + len(binding.original.string)
        original = text[offset:end]
        if HIDDEN in (binding.key or ""):
            at = place_of(hidden, hidden.index(HIDDEN, offset))
            raise ConfigError(
                "A variable may stand in a value, not in a name.", at=at, origin=origin
            )
        yield Filler(original) if binding.key is None else entry_of(binding, original)
        offset = end


def entry_of(binding: Binding, original: str) -> Entry:
    hidden = binding.original.string
    before = BEFORE_VALUE.match(hidden)
    if before is None or binding.key is None:
        raise ValueError(original)  # the parser found a name where this found none
    equals = before["equals"] or ""
    gap = before["gap"]
    end = before.end() + len(spelled_value(hidden[before.end() :], after=equals))
    return Entry(
        name=binding.key,
        value=None if binding.value is None else binding.value.replace(HIDDEN, "#"),
        blank=before["blank"],
        label=before["label"],
        equals=gap + equals if equals else "",
        spelled=original[before.end() : end],
        tail=("" if equals else gap) + original[end:],
    )


def spelled_value(rest: str, *, after: str) -> str:
    """The part of `rest` that is the value, as python-dotenv reads it."""
    if not after or (len(after) > 1 and rest.startswith("#")):
        return ""
    quoted = QUOTED.get(rest[:1])
    if quoted is not None:
        found = quoted.match(rest)
        return found[0] if found else ""
    line = UNQUOTED.match(rest)
    return COMMENT.sub("", line[0], count=1) if line else ""


def mistake(text: str, offset: int, origin: Origin) -> ConfigError:
    """What is wrong with the line at `offset`, and where exactly."""
    start = offset + len(text[offset:]) - len(text[offset:].lstrip())
    before = BEFORE_VALUE.match(text, start)
    if before is None:
        return ConfigError("A name is expected.", at=place_of(text, start), origin=origin)
    if not before["equals"]:
        at = place_of(text, before.end())
        return ConfigError("An = is expected after the name.", at=at, origin=origin)
    found = QUOTED[text[before.end()]].match(text, before.end())
    if found is None:
        at = place_of(text, before.end())
        return ConfigError("The quote is never closed.", at=at, origin=origin)
    end = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip(" \t"))
    message = "Only a comment may follow the closing quote."
    return ConfigError(message, at=place_of(text, end), origin=origin)
