"""Where values go into a file of each type, and how they are spelled there.

A file is cut into segments. Comments and XML's processing instructions are left as they are:
they are nobody's value, and a line that is commented out must not refuse a deployment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from projects.merging import dotenv_lines, json_tree, xml_tree
from projects.merging.texts import BYTE_ORDER_MARK, FileType

Spell = Callable[[str], str]

MARK = re.compile(r"##\{|#\{([A-Za-z_][A-Za-z0-9_.]*)\}")
JSON_PART = re.compile(rf"(?P<string>{json_tree.STRING.pattern})|(?P<bare>#\{{)")
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
UNSAFE_IN_DOTENV = re.compile(r"[\s'\"#$`\\]")
XML_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
XML_ATTRIBUTE = XML_TEXT | {'"': "&quot;", "'": "&#39;", "\n": "&#10;", "\t": "&#9;"}


class Segment(NamedTuple):
    """A part of a text: up to `end`, from where the segment before it ended."""

    end: int
    spell: Spell | None = None
    """How a value is written here; None where nothing is replaced."""
    finish: Callable[[str, str], str] | None = None
    """What becomes of the whole segment, given as it was and with its values."""


def as_it_is(value: str) -> str:
    return value


def segments_of(file_type: FileType, text: str) -> Iterator[Segment]:
    """`text`, which is known to parse, from its beginning to its end."""
    if file_type is FileType.TXT:
        yield Segment(len(text), as_it_is)
        return
    body = text.removeprefix(BYTE_ORDER_MARK)
    shift = len(text) - len(body)
    for segment in SEGMENTS[file_type](body):
        yield segment._replace(end=segment.end + shift)
    yield Segment(len(text))


def json_segments(text: str) -> Iterator[Segment]:
    for part in JSON_PART.finditer(text):
        yield Segment(part.start())
        if part["string"]:
            yield Segment(part.end(), in_json_string)
        else:
            yield Segment(text.index("}", part.start()) + 1, as_json_value)


def in_json_string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def as_json_value(value: str) -> str:
    """A number, true, false or null where the value reads as one, else a string."""
    is_word = json_tree.SCALAR.fullmatch(value) and not value.startswith("#")
    return value if is_word else json.dumps(value, ensure_ascii=False)


def xml_segments(text: str) -> Iterator[Segment]:
    for token in xml_tree.tokens_of(text):
        if token.lastgroup == "open":
            yield Segment(token.end(), in_xml_attribute)
        elif token.lastgroup == "text":
            yield from xml_text_segments(token)
        else:
            yield Segment(token.end())


def xml_text_segments(token: re.Match[str]) -> Iterator[Segment]:
    for section in CDATA.finditer(token[0]):
        yield Segment(token.start() + section.start(), in_xml_text)
        yield Segment(token.start() + section.end(), in_xml_section)
    yield Segment(token.end(), in_xml_text)


def in_xml_text(value: str) -> str:
    return "".join(XML_TEXT.get(character, character) for character in value)


def in_xml_attribute(value: str) -> str:
    return "".join(XML_ATTRIBUTE.get(character, character) for character in value)


def in_xml_section(value: str) -> str:
    """Inside CDATA nothing can be escaped: what could end the section is written outside of it."""
    if value and not re.search(r"[\]>\r]", value):
        return value
    return f"]]>{in_xml_text(value)}<![CDATA["


def dotenv_segments(text: str) -> Iterator[Segment]:
    end = 0
    for entry in dotenv_lines.parse(text):
        if isinstance(entry, dotenv_lines.Entry):
            start = end + len(entry.blank + entry.label + entry.equals)
            yield Segment(start)
            if entry.quote:
                spell = in_double_quotes if entry.quote == '"' else in_single_quotes
                yield Segment(start + len(entry.spelled), spell)
            else:
                yield Segment(start + len(entry.spelled), as_it_is, unquoted)
        end += len(entry.text)
        yield Segment(end)


def in_double_quotes(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def in_single_quotes(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def unquoted(before: str, after: str) -> str:
    """A value without quotes gets some when a variable brings in what needs them.

    Single ones, in which most readers expand nothing; double ones where the value itself holds
    a single quote or a backslash, on whose escapes readers disagree.
    """
    kept = set(UNSAFE_IN_DOTENV.findall(MARK.sub("", before)))
    if set(UNSAFE_IN_DOTENV.findall(after)) <= kept:
        return after
    if re.search(r"['\\]", after):
        return f'"{in_double_quotes(after)}"'
    return f"'{after}'"


SEGMENTS: dict[FileType, Callable[[str], Iterator[Segment]]] = {
    FileType.JSON: json_segments,
    FileType.XML: xml_segments,
    FileType.DOTENV: dotenv_segments,
}
