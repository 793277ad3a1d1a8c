"""Taking elements of an override into a base: their namespaces, and nothing of `hydra:`."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from projects.merging.texts import Origin
from projects.merging.xml_layout import Children, Layout
from projects.merging.xml_tree import Attribute, Chunk, Element

AS_IT_IS = Layout(is_broken=False, new_line="", indent="")


def adopted(change: Element, *, into: Element) -> Element:
    """A copy that means inside `into` what `change` means in the override."""
    element = deepcopy(change)
    drop_removed(element)
    own = declared(element)
    for prefix in sorted(set(prefixes_needed(element, frozenset())) - own):
        address = change.scope.get(prefix, "")
        if into.scope.get(prefix, "") != address:
            element.attributes.append(declaration(prefix, address))
    return element


def adopted_content(change: Element, *, into: Element) -> list[Element | Chunk]:
    """Copies of everything in `change`, to become the content of `into`."""
    copy = deepcopy(change)
    drop_removed(copy)
    return [
        adopted(child, into=into) if isinstance(child, Element) else child
        for child in copy.children
    ]


def drop_removed(element: Element) -> None:
    children = Children(element, AS_IT_IS, None)
    children.remove(child for child in element.elements if child.is_removed)
    children.settle()
    for child in element.elements:
        drop_removed(child)


def declared(element: Element) -> frozenset[str]:
    return frozenset(a.spelled[6:] for a in element.attributes if a.is_declaration)


def prefixes_needed(element: Element, known: frozenset[str]) -> Iterator[str]:
    """Prefixes used in `element` and declared outside of it; the empty one is the default."""
    known |= declared(element)
    used = {element.spelled.rpartition(":")[0]}
    used |= {
        a.spelled.rpartition(":")[0]
        for a in element.attributes
        if ":" in a.spelled and not a.is_declaration
    }
    yield from used - known - {"xml"}
    for child in element.elements:
        yield from prefixes_needed(child, known)


def declaration(prefix: str, address: str) -> Attribute:
    spelled = f"xmlns:{prefix}" if prefix else "xmlns"
    raw = address.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return Attribute(" ", spelled, "=", '"', raw, ("", spelled), Origin.OVERRIDE)


def spelled_in(base: Element, change: Attribute) -> str | None:
    """The attribute's name as `base` has to write it; None where it has no free prefix for it.

    A namespace that `base` does not know is declared on it.
    """
    prefix, colon, local = change.spelled.rpartition(":")
    address = change.name[0]
    if not colon or base.scope.get(prefix) == address:
        return change.spelled
    for known, meaning in base.scope.items():
        if known and meaning == address:
            return f"{known}:{local}"
    if prefix in base.scope:
        return None
    base.scope[prefix] = address
    base.attributes.append(declaration(prefix, address))
    return change.spelled


def open_up(element: Element) -> None:
    """Give an element that was closed in its opening tag room for children."""
    if element.closing.endswith("/>"):
        element.closing = ">"
        element.end_tag = f"</{element.spelled}>"
