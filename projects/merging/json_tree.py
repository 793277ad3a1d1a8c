"""JSON as it was typed: values that know where they stand, so that the rest can stay untouched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from projects.merging.texts import UNUSABLE, ConfigError, Origin, place_of

MAX_DEPTH = 64

BLANK = re.compile(r"[ \t\r\n]*")
STRING_BEGUN = re.compile(
    r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*'
)
STRING = re.compile(STRING_BEGUN.pattern + '"')
SCALAR = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.+-])"
    r"|(?:true|false|null)(?![0-9A-Za-z_])"
    r"|#\{[A-Za-z_][A-Za-z0-9_.]*\}"
)
COMPLAINTS = (
    (re.compile(r"[+-]?(?:NaN|Infinity)"), "JSON has no NaN and no Infinity."),
    (re.compile(r"[\]}]"), "A value is missing here; a trailing comma is not allowed."),
    (re.compile(r"'"), "Strings stand in double quotes."),
    (re.compile(r"//|/\*"), "JSON has no comments."),
)


@dataclass
class Node:
    """A value: `text[start:end]`."""

    start: int
    end: int
    text: str = field(repr=False)

    @property
    def raw(self) -> str:
        return self.text[self.start : self.end]


@dataclass
class Scalar(Node):
    """A number, a word or a string, spelled as it was. Numbers of different spelling differ."""

    value: str


@dataclass
class Array(Node):
    items: list[Node]


@dataclass
class Member:
    """A name and its value, with everything since the comma or bracket before."""

    name: str
    lead: str
    spelled: str
    """The name as it was typed, in its quotes."""
    colon: str
    """The colon and the blanks around it."""
    value: Node
    trail: str = ""


@dataclass
class Object(Node):
    members: dict[str, Member]
    closing: str
    """What stands before the closing bracket."""


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value == "null"


def same(one: Node, other: Node) -> bool:
    """Whether two values mean the same, however they are spaced."""
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.value == other.value
    if isinstance(one, Array) and isinstance(other, Array):
        return len(one.items) == len(other.items) and all(map(same, one.items, other.items))
    if isinstance(one, Object) and isinstance(other, Object):
        return one.members.keys() == other.members.keys() and all(
            same(member.value, other.members[name].value) for name, member in one.members.items()
        )
    return False


def objects_in(node: Node) -> Iterator[Object]:
    if isinstance(node, Object):
        yield node
        for member in node.members.values():
            yield from objects_in(member.value)
    elif isinstance(node, Array):
        for item in node.items:
            yield from objects_in(item)


def parse(text: str, origin: Origin = Origin.BASE) -> Node:
    """The value that `text` is. ConfigError says where it is none.

    Beyond RFC 8259 a `#{NAME}` may stand in place of a value, for numbers that are variables.
    """
    return Parser(text, origin).document()


class Parser:
    def __init__(self, text: str, origin: Origin) -> None:
        self.text = text
        self.origin = origin
        self.position = 0
        self.depth = 0

    def document(self) -> Node:
        self.blank()
        node = self.value()
        self.blank()
        if self.position < len(self.text):
            raise self.error("Nothing may follow the value.")
        return node

    def error(self, message: str, position: int | None = None) -> ConfigError:
        at = place_of(self.text, self.position if position is None else position)
        return ConfigError(message, at=at, origin=self.origin)

    def blank(self) -> str:
        start = self.position
        found = BLANK.match(self.text, start)
        self.position = found.end() if found else start
        return self.text[start : self.position]

    def takes(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.position):
            return False
        self.position += 1
        return True

    def value(self) -> Node:
        start = self.position
        if self.takes("{"):
            return self.nested(start, self.rest_of_object)
        if self.takes("["):
            return self.nested(start, self.rest_of_array)
        if self.text.startswith('"', start):
            value = f'"{self.string()}'  # with its quote, lest "null" be taken for null
            return Scalar(start, self.position, self.text, value)
        found = SCALAR.match(self.text, start)
        if found is None:
            raise self.error(self.complaint())
        self.position = found.end()
        return Scalar(start, found.end(), self.text, found[0])

    def complaint(self) -> str:
        """Why there is no value here."""
        if self.position >= len(self.text):
            return "A value is missing: the file ends here."
        return next(
            (message for symptom, message in COMPLAINTS if symptom.match(self.text, self.position)),
            "This is not a JSON value.",
        )

    def nested(self, start: int, read: Callable[[int], Node]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"Nothing may be nested deeper than {MAX_DEPTH} levels.", start)
        node = read(start)
        self.depth -= 1
        return node

    def rest_of_array(self, start: int) -> Array:
        items: list[Node] = []
        self.blank()
        if self.takes("]"):
            return Array(start, self.position, self.text, items)
        while True:
            self.blank()
            items.append(self.value())
            self.blank()
            if self.takes("]"):
                return Array(start, self.position, self.text, items)
            if not self.takes(","):
                raise self.error("A comma or ] is expected.")

    def rest_of_object(self, start: int) -> Object:
        members: dict[str, Member] = {}
        lead = self.blank()
        if self.takes("}"):
            return Object(start, self.position, self.text, members, lead)
        while True:
            member = self.member(lead, known=members)
            members[member.name] = member
            trail = self.blank()
            if self.takes("}"):
                return Object(start, self.position, self.text, members, trail)
            if not self.takes(","):
                raise self.error("A comma or } is expected.")
            member.trail = trail
            lead = self.blank()

    def member(self, lead: str, *, known: dict[str, Member]) -> Member:
        start = self.position
        if not self.text.startswith('"', start):
            raise self.error(
                "A name in double quotes is expected; a trailing comma is not allowed."
            )
        name = self.string()
        spelled = self.text[start : self.position]
        if name in known:
            raise self.error(f"The name {spelled} stands here twice.", start)
        before = self.blank()
        if not self.takes(":"):
            raise self.error("A colon is expected.")
        colon = f"{before}:{self.blank()}"
        return Member(name, lead, spelled, colon, self.value())

    def string(self) -> str:
        """What the string here stands for."""
        start = self.position
        found = STRING.match(self.text, start)
        if found is None:
            raise self.bad_string(start)
        self.position = found.end()
        value = str(json.loads(found[0]))
        if UNUSABLE.search(value):
            raise self.error("NUL and half surrogate pairs are not allowed.", start)
        return value

    def bad_string(self, start: int) -> ConfigError:
        found = STRING_BEGUN.match(self.text, start)
        end = found.end() if found else start
        if self.text.startswith("\\", end):
            return self.error("Unknown escape; write \\\\ for a backslash.", end)
        if end >= len(self.text) or self.text[end] in "\r\n":
            return self.error("The string has no closing quote on its line.", start)
        return self.error("Control characters are written as escapes.", end)
