"""XML as it was typed: elements that know how they were written, behind lxml as the gate.

lxml decides what is well-formed, and sees a text only after document types were refused; with
them go all entities but the five that XML itself has. The tree here keeps every blank and quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from projects.merging.texts import ConfigError, Origin, Place, place_of

HYDRA = "urn:hydra"
MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
XML_PREFIX = {"xml": "http://www.w3.org/XML/1998/namespace"}
IDENTITIES = ("id", "name", "key")
BLANKS = " \t\r\n"
YES, NO = ("true", "1"), ("false", "0")

TOKEN = re.compile(
    r"(?P<aside><!--.*?-->|<\?.*?\?>)"
    r"|(?P<text>(?:[^<]++|<!\[CDATA\[.*?\]\]>)++)"
    r"|(?P<close></[^>]*>)"
    r"""|(?P<open><[^!?/](?:[^>"']++|"[^"]*"|'[^']*')*+>)""",
    re.DOTALL,
)
TAG = re.compile(r"<([^\s/>]+)(.*?)(\s*/?>)", re.DOTALL)
ATTRIBUTE = re.compile(r"""(\s+)([^\s=]+)(\s*=\s*)(["'])(.*?)\4""", re.DOTALL)
PREFIXED = re.compile(r"(?:^<|\s)([^\s:=<>\"'/]+):[^\s=<>\"'/]+")
DECLARED = re.compile(r"\sxmlns:([^\s=]+)\s*=")
ENCODING = re.compile(r"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(lt|gt|amp|quot|apos));")
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}

Name = tuple[str, str]
"""A namespace and the name in it."""


@dataclass(eq=False)
class Chunk:
    """What stands between elements: a run of text, or a comment or instruction (an aside)."""

    raw: str
    is_text: bool
    origin: Origin = Origin.BASE

    @property
    def is_blank(self) -> bool:
        return self.is_text and not self.raw.strip(BLANKS)


@dataclass
class Attribute:
    lead: str
    spelled: str
    equals: str
    quote: str
    raw: str
    name: Name
    origin: Origin = Origin.BASE

    @property
    def value(self) -> str:
        return decoded(re.sub(r"\r\n|[\t\r\n]", " ", self.raw))

    @property
    def is_declaration(self) -> bool:
        return self.spelled == "xmlns" or self.spelled.startswith("xmlns:")

    def __str__(self) -> str:
        return self.lead + self.spelled + self.equals + self.quote + self.raw + self.quote


@dataclass(eq=False)
class Element:
    spelled: str
    name: Name
    attributes: list[Attribute]
    closing: str
    """How the opening tag ends: `>` or `/>`, with blanks."""
    end_tag: str
    """Empty for an element closed in its opening tag."""
    scope: dict[str, str]
    """Namespaces by prefix."""
    start: int
    children: list[Element | Chunk] = field(default_factory=list)
    is_removed: bool = False
    origin: Origin = Origin.BASE
    removed: list[str] = field(default_factory=list)
    """Paths of what an override removed from it, relative to it."""

    @property
    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def texts(self) -> list[Chunk]:
        """The runs of text that say something."""
        return [
            child
            for child in self.children
            if isinstance(child, Chunk) and child.is_text and not child.is_blank
        ]

    @property
    def identity(self) -> tuple[str, str] | None:
        """What tells it from siblings of its name: the first of id, name and key that it has."""
        values = {attribute.name: attribute.value for attribute in self.attributes}
        return next(((key, values["", key]) for key in IDENTITIES if ("", key) in values), None)


@dataclass
class Document:
    before: str
    root: Element
    after: str


def decoded(raw: str) -> str:
    def character(found: re.Match[str]) -> str:
        if found[3]:
            return NAMED[found[3]]
        return chr(int(found[1], 16) if found[1] else int(found[2]))

    return REFERENCE.sub(character, raw)


def parse(
    text: str, origin: Origin = Origin.BASE, inherited: Mapping[str, str] | None = None
) -> Document:
    """The document that `text` is; ConfigError where it is none, or holds what is refused.

    An override need not declare `hydra:` nor repeat what the base's root declares, which comes
    as `inherited`. As long as that is unknown, every prefix passes.
    """
    refuse_document_type(text, origin)
    refuse_other_encoding(text, origin)
    if origin is Origin.BASE:
        require_well_formed(text, "", origin)
        return Reader(text, origin, XML_PREFIX).document()
    undeclared = undeclared_prefixes(text)
    addition = "".join(f' xmlns:{prefix}="{HYDRA}:{prefix}"' for prefix in sorted(undeclared))
    require_well_formed(text, addition, origin)
    if inherited is None:
        inherited = {prefix: f"{HYDRA}:{prefix}" for prefix in undeclared}
    return Reader(text, origin, {**XML_PREFIX, **inherited}).document()


def tokens_of(text: str) -> Iterator[re.Match[str]]:
    """As far as `text` is made of tokens."""
    position = 0
    while found := TOKEN.match(text, position):
        yield found
        position = found.end()


def root_start(text: str) -> int:
    """Where the first element begins, or what cannot stand before it."""
    position = 0
    for token in tokens_of(text):
        if token.lastgroup != "aside" and token[0].strip():
            break
        position = token.end()
    return position


def refuse_document_type(text: str, origin: Origin) -> None:
    start = root_start(text)
    if text.startswith("<!DOCTYPE", start):
        message = "A document type (DTD) is not allowed, nor are entities."
        raise ConfigError(message, at=place_of(text, start), origin=origin)


def refuse_other_encoding(text: str, origin: Origin) -> None:
    """Files are written as UTF-8, so a declaration must not lead their readers astray."""
    found = ENCODING.match(text)
    if found is None or found[1].lower() in {"utf-8", "utf8"}:
        return
    if not text.isascii() or found[1].lower().startswith(("utf-16", "utf-32", "ucs", "iso-10646")):
        message = f"Files are kept as UTF-8, but this declares {found[1]}."
        raise ConfigError(message, at=place_of(text, found.start(1)), origin=origin)


def undeclared_prefixes(text: str) -> set[str]:
    tags = [token[0] for token in tokens_of(text) if token.lastgroup == "open"]
    # Attribute values could look like names with prefixes.
    bare = [re.sub(r"""(["']).*?\1""", "", tag, flags=re.DOTALL) for tag in tags]
    used = {prefix for tag in bare for prefix in PREFIXED.findall(tag)}
    declared = {prefix for tag in bare for prefix in DECLARED.findall(tag)}
    return used - declared - {"xml", "xmlns"}


def require_well_formed(text: str, addition: str, origin: Origin) -> None:
    """Let lxml judge, with `addition` put into the root's opening tag."""
    start = root_start(text)
    name = re.compile(r"<[^\s/>]+").match(text, start)
    offset = name.end() if name else start
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False
    )
    try:
        etree.fromstring((text[:offset] + addition + text[offset:]).encode(), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.lineno or 1, (error.offset or 0) + 1
        place = place_of(text, offset)
        if line == place.line and column > place.column:
            column = max(place.column, column - len(addition))
        said = (error.msg or "This is not XML").partition("\n")[0]
        message = re.sub(r", line \d+, column \d+$", "", said)
        raise ConfigError(f"{message}.", at=Place(line, column), origin=origin) from error


class Reader:
    """Builds the tree of a text that is known to be well-formed."""

    def __init__(self, text: str, origin: Origin, scope: Mapping[str, str]) -> None:
        self.text = text
        self.origin = origin
        self.outer = dict(scope)
        self.open: list[Element] = []
        self.count = 0

    def error(self, message: str, offset: int) -> ConfigError:
        return ConfigError(message, at=place_of(self.text, offset), origin=self.origin)

    def document(self) -> Document:
        before = root_start(self.text)
        root: Element | None = None
        end = before
        for token in tokens_of(self.text):
            if token.start() < before:
                continue
            if root is not None and not self.open:
                break
            end = token.end()
            element = self.take(token)
            root = root or element
        if root is None:
            raise self.error("An element is expected.", before)
        return Document(self.text[:before], root, self.text[end:])

    def take(self, token: re.Match[str]) -> Element | None:
        if token.lastgroup == "close":
            self.open.pop().end_tag = token[0]
            return None
        if token.lastgroup == "open":
            return self.begin(token)
        chunk = Chunk(token[0], token.lastgroup == "text", self.origin)
        self.open[-1].children.append(chunk)
        return None

    def begin(self, token: re.Match[str]) -> Element:
        self.count += 1
        if len(self.open) == MAX_DEPTH or self.count > MAX_ELEMENTS:
            limits = f"{MAX_DEPTH} levels or {MAX_ELEMENTS} elements"
            raise self.error(f"There are more than {limits}.", token.start())
        tag = TAG.fullmatch(token[0])
        if tag is None:
            raise self.error("This is not a tag.", token.start())
        scope, attributes, is_removed = self.attributes(tag, token.start())
        name = self.resolved(tag[1], scope, token.start())
        if name[0] == HYDRA:
            raise self.error("Only the attribute hydra:remove is known.", token.start())
        element = Element(
            spelled=tag[1],
            name=name,
            attributes=attributes,
            closing=tag[3],
            end_tag="",
            scope=scope,
            start=token.start(),
            is_removed=is_removed,
            origin=self.origin,
        )
        if self.open:
            self.open[-1].children.append(element)
        if not tag[3].endswith("/>"):
            self.open.append(element)
        return element

    def attributes(
        self, tag: re.Match[str], start: int
    ) -> tuple[dict[str, str], list[Attribute], bool]:
        """The namespaces, what is left of the attributes, and whether the element is removed."""
        written = [(found, start + found.start(2)) for found in ATTRIBUTE.finditer(tag[2])]
        written = [(found, offset + tag.start(2)) for found, offset in written]
        scope = dict(self.open[-1].scope if self.open else self.outer)
        for found, _ in written:
            if found[2] == "xmlns" or found[2].startswith("xmlns:"):
                scope[found[2][6:]] = decoded(found[5])
        attributes, is_removed = [], False
        for found, offset in written:
            name = self.resolved(found[2], scope, offset, is_attribute=True)
            lead, spelled, equals, quote, raw = found.groups()
            attribute = Attribute(lead, spelled, equals, quote, raw, name, self.origin)
            if name[0] == HYDRA:
                is_removed = is_removed or self.removes(attribute, offset)
            elif not (attribute.is_declaration and self.is_ours(found[2][6:], scope, offset)):
                attributes.append(attribute)
        return scope, attributes, is_removed

    def resolved(
        self, spelled: str, scope: Mapping[str, str], offset: int, *, is_attribute: bool = False
    ) -> Name:
        prefix, colon, local = spelled.rpartition(":")
        if is_attribute and (not colon or prefix == "xmlns"):
            return ("", spelled)
        if colon and self.is_ours(prefix, scope, offset):
            return (HYDRA, local)
        if colon and prefix not in scope:
            raise self.error(f"The prefix {prefix} is not declared.", offset)
        return (scope.get(prefix, ""), local)

    def is_ours(self, prefix: str, scope: Mapping[str, str], offset: int) -> bool:
        """Whether a prefix means Hydra: by its name, too, whatever address it was declared as."""
        if prefix != "hydra" and scope.get(prefix) != HYDRA:
            return False
        if self.origin is Origin.BASE:
            raise self.error("hydra: has a meaning only in overrides.", offset)
        return True

    def removes(self, attribute: Attribute, offset: int) -> bool:
        if attribute.name[1] != "remove":
            raise self.error("Only the attribute hydra:remove is known.", offset)
        if attribute.value not in YES + NO:
            raise self.error("hydra:remove is true or false.", offset)
        return attribute.value in YES
