"""XML files: element by element, where what the override does not touch stays byte for byte.

Which elements are the same is decided in docs/decisions/0010-xml-identity.md.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from projects.merging import xml_adoption
from projects.merging.drafts import Draft, Merged
from projects.merging.texts import ConfigError, Origin, place_of
from projects.merging.xml_layout import Children, Layout, layout_of
from projects.merging.xml_tree import Attribute, Chunk, Element, Name, parse

Key = TypeVar("Key", bound=Hashable)


def check(text: str, origin: Origin) -> None:
    parse(text, origin)


def merge(base: str, override: str | None) -> Merged:
    document = parse(base)
    if override is not None:
        change = parse(override, Origin.OVERRIDE, document.root.scope).root
        merger = Merger(override, layout_of(document.root, base))
        merger.root(document.root, change)
    draft = Draft()
    draft.write(document.before)
    write_element(draft, document.root, f"/{document.root.spelled}")
    draft.write(document.after)
    return draft.finish()


class Merger:
    """Applies elements of an override to elements of the base, which it changes."""

    def __init__(self, override: str, layout: Layout) -> None:
        self.override = override
        self.layout = layout

    def error(self, message: str, change: Element) -> ConfigError:
        at = place_of(self.override, change.start)
        return ConfigError(message, at=at, origin=Origin.OVERRIDE)

    def root(self, base: Element, change: Element) -> None:
        if base.name != change.name:
            message = f"The override's root is {change.spelled}, the base's is {base.spelled}."
            raise self.error(message, change)
        if change.is_removed:
            raise self.error("The root cannot be removed.", change)
        self.element(base, change, margin="")

    def element(self, base: Element, change: Element, *, margin: str | None) -> None:
        self.attributes(base, change)
        if change.texts and change.elements:
            # Prose with markup in it: no part of it could be told to be the same as another.
            base.children = xml_adoption.adopted_content(change, into=base)
            xml_adoption.open_up(base)
            return
        if change.texts:
            set_text(base, change)
        children = Children(base, self.layout, margin)
        labels = labels_of(children.elements)
        known = grouped(children.elements, lambda element: element.name)
        for name, changes in grouped(change.elements, lambda element: element.name).items():
            self.siblings(children, known.get(name, []), changes)
        base.removed += [labels[gone] for gone in children.elements if gone in children.gone]
        children.settle()

    def attributes(self, base: Element, change: Element) -> None:
        known = {attribute.name: attribute for attribute in base.attributes}
        for attribute in change.attributes:
            same = known.get(attribute.name)
            if attribute.is_declaration:
                continue
            if same is None:
                self.add_attribute(base, attribute, change)
                continue
            same.origin = Origin.OVERRIDE
            if same.value != attribute.value:
                same.quote, same.raw = attribute.quote, attribute.raw

    def add_attribute(self, base: Element, change: Attribute, within: Element) -> None:
        spelled = xml_adoption.spelled_in(base, change)
        if spelled is None:
            message = f"The prefix of {change.spelled} means something else in the base."
            raise self.error(message, within)
        last = base.attributes[-1].lead if base.attributes else " "
        lead = last if "\n" in last else " "
        base.attributes.append(
            Attribute(lead, spelled, "=", change.quote, change.raw, change.name, Origin.OVERRIDE)
        )

    def siblings(self, children: Children, known: list[Element], changes: list[Element]) -> None:
        """Apply all the override's elements of one name within one parent."""
        if len(known) == len(changes) == 1 and changes[0].identity is None:
            self.pair(children, known[0], changes[0])
        elif all(change.identity is not None for change in changes):
            self.by_identity(children, known, changes)
        else:
            self.replace(children, known, changes)

    def pair(self, children: Children, base: Element, change: Element) -> None:
        if change.is_removed:
            children.remove([base])
        else:
            self.element(base, change, margin=children.margin_of(base))

    def by_identity(self, children: Children, known: list[Element], changes: list[Element]) -> None:
        ours = grouped(known, lambda element: element.identity)
        news: list[Element] = []
        for identity, theirs in grouped(changes, lambda change: change.identity).items():
            mine = ours.get(identity, [])
            self.require_one_wish(theirs)
            if theirs[0].is_removed:
                children.remove(mine)
                continue
            for base, change in zip(mine, theirs, strict=False):
                self.pair(children, base, change)
            news += theirs[len(mine) :]
        self.add(children, known, news)

    def require_one_wish(self, changes: list[Element]) -> None:
        """Refuse to set and to remove the same: done twice, that would not be the same."""
        removing = [change for change in changes if change.is_removed]
        if removing and len(removing) < len(changes):
            raise self.error("The override both sets and removes this element.", removing[0])

    def add(self, children: Children, known: list[Element], changes: list[Element]) -> None:
        if not changes:
            return
        news = [xml_adoption.adopted(change, into=children.parent) for change in changes]
        xml_adoption.open_up(children.parent)
        children.add(news, behind=known[-1] if known else None)

    def replace(self, children: Children, known: list[Element], changes: list[Element]) -> None:
        """Without identities nobody can tell which is which: theirs for ours, all of them."""
        news = [change for change in changes if not change.is_removed]
        if len(news) == len(known) and all(map(alike, known, news)):
            for element in known:
                mark(element)
            return
        for base, change in zip(known, news, strict=False):
            children.exchange(base, xml_adoption.adopted(change, into=children.parent))
        children.remove(known[len(news) :])
        self.add(children, known, news[len(known) :])


def grouped(elements: Iterable[Element], key: Callable[[Element], Key]) -> dict[Key, list[Element]]:
    groups: dict[Key, list[Element]] = {}
    for element in elements:
        groups.setdefault(key(element), []).append(element)
    return groups


def set_text(base: Element, change: Element) -> None:
    """Let the override's text stand where the base's stood; comments and elements stay."""
    raw = "".join(chunk.raw for chunk in change.texts)
    spoken = base.texts
    if "".join(chunk.raw for chunk in spoken) == raw:
        for chunk in spoken:
            chunk.origin = Origin.OVERRIDE
        return
    first = base.children[0] if base.children else None
    if not spoken and isinstance(first, Chunk) and first.is_text:
        spoken = [first]
    at = base.children.index(spoken[0]) if spoken else 0
    replaced = set(spoken)
    base.children = [child for child in base.children if child not in replaced]
    base.children.insert(at, Chunk(raw, is_text=True, origin=Origin.OVERRIDE))
    xml_adoption.open_up(base)


def alike(one: Element, other: Element) -> bool:
    """Whether two elements say the same, blanks and comments aside."""
    return (
        one.name == other.name
        and attributes_of(one) == attributes_of(other)
        and not other.is_removed
        and len(said(one)) == len(said(other))
        and all(map(says_same, said(one), said(other)))
    )


def attributes_of(element: Element) -> dict[Name, str]:
    return {a.name: a.value for a in element.attributes if not a.is_declaration}


def said(element: Element) -> list[Element | Chunk]:
    return [
        child
        for child in element.children
        if isinstance(child, Element) or (child.is_text and not child.is_blank)
    ]


def says_same(one: Element | Chunk, other: Element | Chunk) -> bool:
    if isinstance(one, Element) and isinstance(other, Element):
        return alike(one, other)
    if isinstance(one, Chunk) and isinstance(other, Chunk):
        return one.raw.strip() == other.raw.strip()
    return False


def mark(element: Element) -> None:
    """The override says all of this, too."""
    element.origin = Origin.OVERRIDE
    for attribute in element.attributes:
        attribute.origin = Origin.OVERRIDE
    for child in element.children:
        if isinstance(child, Element):
            mark(child)
        else:
            child.origin = Origin.OVERRIDE


def labels_of(elements: list[Element]) -> dict[Element, str]:
    """What tells each element from its siblings, as XPath says it."""
    labels: dict[Element, str] = {}
    for same in grouped(elements, lambda element: element.spelled).values():
        for position, element in enumerate(same, 1):
            identity = element.identity
            if identity is not None:
                labels[element] = f"{element.spelled}[@{identity[0]}='{identity[1]}']"
            else:
                number = f"[{position}]" if len(same) > 1 else ""
                labels[element] = element.spelled + number
    return labels


def write_element(draft: Draft, element: Element, path: str) -> None:
    is_empty = not element.children and not element.attributes
    if element.texts or is_empty:
        draft.key(path, element.texts[0].origin if element.texts else element.origin)
    draft.write(f"<{element.spelled}", element.origin)
    for attribute in element.attributes:
        draft.write(attribute.lead, element.origin)
        if not attribute.is_declaration:
            draft.key(f"{path}/@{attribute.spelled}", attribute.origin)
        draft.write(str(attribute).removeprefix(attribute.lead), attribute.origin)
    draft.write(element.closing, element.origin)
    labels = labels_of(element.elements)
    for child in element.children:
        if isinstance(child, Element):
            write_element(draft, child, f"{path}/{labels[child]}")
        else:
            draft.write(child.raw, child.origin)
    for removed in element.removed:
        draft.removed(f"{path}/{removed}")
    draft.write(element.end_tag, element.origin)
