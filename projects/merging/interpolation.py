"""`#{NAME}` in files and scripts becomes the value of a variable. One pass, never recursive.

`##{` is a literal `#{`. A `#{` that is followed by no name stays as it is. In a file each value
is spelled so that it stays one value, whatever it holds (docs/decisions/0012-interpolation.md);
scripts and plain text get it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from projects.merging import parse_check
from projects.merging.escaping import MARK, Segment, as_it_is, segments_of
from projects.merging.texts import FileType, place_of

MAX_PLACES = 20


@dataclass(frozen=True)
class Missing:
    """One place where a variable is used that does not exist."""

    name: str
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return (
            f"{self.file}, line {self.line}, column {self.column}: no variable is named {self.name}"
        )


class UnknownVariable(ValueError):
    """Variables are used that do not exist: the first twenty `places`, the first as attributes."""

    def __init__(self, places: Iterable[Missing]) -> None:
        self.places = tuple(places)
        self.name = self.places[0].name
        self.file = self.places[0].file
        self.line = self.places[0].line
        self.column = self.places[0].column
        super().__init__("; ".join(str(place) for place in self.places) + ".")


def interpolate(text: str, values: Mapping[str, str], *, file: str) -> str:
    """A script or a parameter with its variables; UnknownVariable names all that are missing."""
    return replaced(text, [Segment(len(text), as_it_is)], values, file=file)


def interpolate_file(
    file_type: FileType, text: str, values: Mapping[str, str], *, file: str
) -> str:
    """A merged config file with its variables.

    The result is a file of its type: ConfigError if `text` is none, or if a value holds what
    the type cannot express, such as a control character in XML.
    """
    parse_check(file_type, text)
    result = replaced(text, segments_of(file_type, text), values, file=file)
    if result != text:
        parse_check(file_type, result)
    return result


def names_in(text: str, file_type: FileType = FileType.TXT) -> list[str]:
    """The variables that a script, or a file that parses, asks for; each once, in their order."""
    names: dict[str, None] = {}
    start = 0
    for segment in segments_of(file_type, text):
        if segment.spell is not None:
            found = (mark[1] for mark in MARK.finditer(text, start, segment.end))
            names.update((name, None) for name in found if name)
        start = segment.end
    return list(names)


def replaced(
    text: str, segments: Iterable[Segment], values: Mapping[str, str], *, file: str
) -> str:
    missing: list[Missing] = []
    pieces: list[str] = []
    start = 0
    for segment in segments:
        piece = text[start : segment.end]
        if segment.spell is not None and "#{" in piece:
            found = missing_in(text, start, segment.end, values=values, file=file)
            missing += islice(found, MAX_PLACES - len(missing))
            piece = segment_with_values(piece, segment, values)
        pieces.append(piece)
        start = segment.end
    if missing:
        raise UnknownVariable(missing)
    return "".join(pieces)


def missing_in(
    text: str, start: int, end: int, *, values: Mapping[str, str], file: str
) -> Iterator[Missing]:
    for mark in MARK.finditer(text, start, end):
        if mark[1] and mark[1] not in values:
            yield Missing(mark[1], file, *place_of(text, mark.start()))


def segment_with_values(piece: str, segment: Segment, values: Mapping[str, str]) -> str:
    spell = segment.spell or as_it_is
    result = MARK.sub(lambda mark: spell(values.get(mark[1], "")) if mark[1] else "#{", piece)
    return segment.finish(piece, result) if segment.finish else result
