"""Where elements go in a tree and how they are indented, so that additions look like the base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from projects.merging.texts import new_line_of
from projects.merging.xml_tree import Chunk, Element

LAST_LINE = re.compile(r"\r?\n[ \t]*\Z")


@dataclass(frozen=True)
class Layout:
    is_broken: bool
    """Whether elements stand on lines of their own."""
    new_line: str
    indent: str


def layout_of(root: Element, text: str) -> Layout:
    lead = next(leads_in(root), None)
    return Layout(
        is_broken=lead is not None or not root.elements,
        new_line=new_line_of(text),
        indent="  " if lead is None else lead.lstrip("\r\n"),
    )


def leads_in(element: Element) -> Iterator[str]:
    """The line breaks before elements, from the outermost on."""
    for before, child in pairwise(element.children):
        if isinstance(child, Element) and (lead := line_break(before)) is not None:
            yield lead
    for child in element.elements:
        yield from leads_in(child)


def line_break(before: Element | Chunk) -> str | None:
    """The line break and indentation that a chunk ends with."""
    if not isinstance(before, Chunk) or not before.is_blank:
        return None
    found = LAST_LINE.search(before.raw)
    return found[0] if found else None


class Children:
    """The children of one element while they are changed: all at once, when `settle` is called.

    Until then positions are those of the beginning, so that each change is found in one step.
    """

    def __init__(self, parent: Element, layout: Layout, margin: str | None) -> None:
        self.parent = parent
        self.layout = layout
        self.margin = margin
        self.elements = parent.elements
        self.positions = {child: position for position, child in enumerate(parent.children)}
        self.end = end_of(parent)
        self.gone: set[Element | Chunk] = set()
        self.exchanged: dict[Element | Chunk, Element] = {}
        self.added: dict[int, list[Element | Chunk]] = {}

    def lead_of(self, child: Element) -> str | None:
        """The line break and indentation before `child`; None when it continues a line."""
        position = self.positions[child]
        return line_break(self.parent.children[position - 1]) if position else None

    def margin_of(self, child: Element) -> str | None:
        lead = self.lead_of(child)
        return None if lead is None else lead.lstrip("\r\n")

    def remove(self, elements: Iterable[Element]) -> None:
        self.gone.update(elements)

    def exchange(self, old: Element, new: Element) -> None:
        indent(new, self.margin_of(old), self.layout)
        self.exchanged[old] = new

    def add(self, news: list[Element], *, behind: Element | None) -> None:
        """Put `news` behind an element of their name, else at the end."""
        lead = self.lead_of_added(behind)
        margin = None if lead is None else lead.lstrip("\r\n")
        place = self.added.setdefault(self.end if behind is None else self.after(behind), [])
        for new in news:
            indent(new, margin, self.layout)
            place += [new] if lead is None else [Chunk(lead, is_text=True), new]

    def lead_of_added(self, behind: Element | None) -> str | None:
        if self.elements:
            return self.lead_of(behind or self.elements[-1])
        if self.margin is None or self.parent.texts or not self.layout.is_broken:
            return None
        self.make_room(self.layout.new_line + self.margin)
        return self.layout.new_line + self.margin + self.layout.indent

    def make_room(self, closing: str) -> None:
        """Let the closing tag stand on a line of its own, where there were no elements before."""
        children = self.parent.children
        last = children[-1] if children else None
        if isinstance(last, Chunk) and last.is_blank:
            last.raw = closing
        else:
            children.append(Chunk(closing, is_text=True))
        self.end = len(children) - 1

    def after(self, sibling: Element) -> int:
        """The position behind `sibling` and behind the comments on its line."""
        position = self.positions[sibling] + 1
        while is_comment_on_line(self.parent.children[position : position + 2]):
            position += 2
        return position

    def settle(self) -> None:
        if not (self.gone or self.exchanged or self.added):
            return
        children: list[Element | Chunk] = []
        for position, child in enumerate(self.parent.children):
            children += self.added.get(position, [])
            if child in self.gone:
                drop_line_break(children)
            else:
                append(children, self.exchanged.get(child, child))
        self.parent.children = children + self.added.get(len(self.parent.children), [])


def drop_line_break(children: list[Element | Chunk]) -> None:
    last = children[-1] if children else None
    if isinstance(last, Chunk) and last.is_blank and "\n" in last.raw:
        children.pop()


def append(children: list[Element | Chunk], child: Element | Chunk) -> None:
    """Add a child, making one run of two texts that become neighbours."""
    last = children[-1] if children else None
    if isinstance(last, Chunk) and isinstance(child, Chunk) and last.is_text and child.is_text:
        children[-1] = Chunk(last.raw + child.raw, is_text=True, origin=last.origin)
    else:
        children.append(child)


def end_of(parent: Element) -> int:
    """The last position, before the line break that leads to the closing tag."""
    last = parent.children[-1] if parent.children else None
    if isinstance(last, Chunk) and last.is_blank and "\n" in last.raw:
        return len(parent.children) - 1
    return len(parent.children)


def is_comment_on_line(pair: list[Element | Chunk]) -> bool:
    return (
        len(pair) == 2
        and isinstance(pair[0], Chunk)
        and pair[0].is_blank
        and "\n" not in pair[0].raw
        and isinstance(pair[1], Chunk)
        and not pair[1].is_text
    )


def indent(element: Element, margin: str | None, layout: Layout) -> None:
    """Give the lines inside `element` the base's indentation, unless they hold prose."""
    if margin is None or element.texts or not element.elements:
        return
    inner = layout.new_line + margin + layout.indent
    for child in element.children:
        if isinstance(child, Chunk) and child.is_blank and "\n" in child.raw:
            child.raw = inner
        elif isinstance(child, Element):
            indent(child, margin + layout.indent, layout)
    last = element.children[-1]
    if isinstance(last, Chunk) and last.is_blank and "\n" in last.raw:
        last.raw = layout.new_line + margin
