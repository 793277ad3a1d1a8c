"""JSON files: RFC 7396, where what the override does not speak of stays byte for byte."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from projects.merging.drafts import Draft, Merged
from projects.merging.json_tree import (
    Array,
    Member,
    Node,
    Object,
    Scalar,
    is_null,
    objects_in,
    parse,
    same,
)
from projects.merging.texts import Origin, new_line_of

NOTHING: dict[str, Member] = {}


def check(text: str, origin: Origin) -> None:
    parse(text, origin)


def merge(base: str, override: str | None) -> Merged:
    node = parse(base)
    patch = None if override is None else parse(override, Origin.OVERRIDE)
    draft = Draft()
    draft.write(base[: node.start])
    margin = base[: node.start].rpartition("\n")[2]
    Merger(draft, layout_of(base, node)).value(node, patch, Spot("", margin))
    draft.write(base[node.end :])
    return draft.finish()


@dataclass(frozen=True)
class Layout:
    """How the base is written, so that what is added looks alike."""

    is_broken: bool
    """Whether members stand on lines of their own."""
    new_line: str
    indent: str
    colon: str

    @property
    def gap(self) -> str:
        """What follows a comma when the line goes on."""
        return " " if self.colon.endswith((" ", "\n")) else ""


def layout_of(base: str, node: Node) -> Layout:
    members = [member for found in objects_in(node) for member in found.members.values()]
    broken = next((member.lead for member in members if "\n" in member.lead), None)
    return Layout(
        is_broken=broken is not None or not members,
        new_line=new_line_of(base),
        indent="  " if broken is None else broken.rpartition("\n")[2],
        colon=members[0].colon if members else ": ",
    )


@dataclass(frozen=True)
class Spot:
    """Where a value is to be written."""

    path: str
    """A JSON pointer (RFC 6901)."""
    margin: str | None
    """What its line begins with; None where everything has to stay on one line."""

    def member(self, name: str, lead: str) -> Spot:
        path = f"{self.path}/{name.replace('~', '~0').replace('/', '~1')}"
        return Spot(path, lead.rpartition("\n")[2] if "\n" in lead else None)


class Merger:
    def __init__(self, draft: Draft, layout: Layout) -> None:
        self.draft = draft
        self.layout = layout

    def value(self, node: Node, patch: Node | None, spot: Spot) -> None:
        if isinstance(node, Object) and (patch is None or isinstance(patch, Object)):
            self.object(node, patch.members if patch else NOTHING, spot)
        elif patch is None or same(node, patch):
            origin = Origin.BASE if patch is None else Origin.OVERRIDE
            self.draft.key(spot.path, origin)
            self.draft.write(node.raw, origin)
        else:
            self.new(patch, spot)

    def object(self, node: Object, patch: dict[str, Member], spot: Spot) -> None:
        """`node` with `patch` applied to it."""
        if not node.members and not any(not is_null(new.value) for new in patch.values()):
            self.draft.key(spot.path, Origin.BASE)
            self.draft.write(node.raw)
            return
        row = Row(self.draft, "{")
        for name, member in node.members.items():
            change = patch.get(name)
            lead = row.lead(node.members.values(), member.lead)
            inner = spot.member(name, lead)
            if change is not None and is_null(change.value):
                self.draft.removed(inner.path)
                continue
            row.begin(lead, Origin.BASE)
            self.draft.write(member.spelled + member.colon)
            self.value(member.value, change.value if change else None, inner)
            row.trail = member.trail
        added = [m for m in patch.values() if m.name not in node.members and not is_null(m.value)]
        for member in added:
            lead = row.lead(node.members.values(), self.lead_of_added(node, spot))
            row.begin(lead, Origin.OVERRIDE)
            self.draft.write(member.spelled + self.layout.colon, Origin.OVERRIDE)
            self.new(member.value, spot.member(member.name, lead))
        row.end(node.closing if node.members else self.closing(spot), "}")

    def lead_of_added(self, node: Object, spot: Spot) -> str:
        """What stands before a member that the base does not have."""
        leads = [member.lead for member in node.members.values()]
        if not leads:
            return self.broken_lead(spot)
        return leads[-1] if len(leads) > 1 or "\n" in leads[-1] else self.layout.gap

    def new(self, node: Node, spot: Spot) -> None:
        """A value of the override where the base has none to keep: nulls in it say nothing."""
        members = node.members.values() if isinstance(node, Object) else ()
        left = [member for member in members if not is_null(member.value)]
        if not left:
            self.draft.key(spot.path, Origin.OVERRIDE)
            self.draft.write("{}" if members else self.plain(node, spot.margin), Origin.OVERRIDE)
            return
        row = Row(self.draft, "{", Origin.OVERRIDE)
        for member in left:
            lead = self.broken_lead(spot) or (self.layout.gap if row.is_begun else "")
            row.begin(lead, Origin.OVERRIDE)
            self.draft.write(member.spelled + self.layout.colon, Origin.OVERRIDE)
            self.new(member.value, spot.member(member.name, lead))
        row.end(self.closing(spot), "}")

    def broken_lead(self, spot: Spot) -> str:
        if spot.margin is None or not self.layout.is_broken:
            return ""
        return self.layout.new_line + spot.margin + self.layout.indent

    def closing(self, spot: Spot) -> str:
        broken = self.broken_lead(spot)
        return self.layout.new_line + (spot.margin or "") if broken else ""

    def plain(self, node: Node, margin: str | None) -> str:
        """A value as it is, nulls included, in the base's layout."""
        if isinstance(node, Scalar):
            return node.raw
        if margin is None or not self.layout.is_broken or "\n" not in node.raw:
            return self.between(node, self.parts(node, None), None)
        return self.between(node, self.parts(node, margin + self.layout.indent), margin)

    def parts(self, node: Node, margin: str | None) -> list[str]:
        if isinstance(node, Array):
            return [self.plain(item, margin) for item in node.items]
        members = node.members.values() if isinstance(node, Object) else ()
        return [
            member.spelled + self.layout.colon + self.plain(member.value, margin)
            for member in members
        ]

    def between(self, node: Node, parts: list[str], margin: str | None) -> str:
        opening, closing = "[]" if isinstance(node, Array) else "{}"
        if margin is None or not parts:
            return opening + f",{self.layout.gap}".join(parts) + closing
        lead = self.layout.new_line + margin + self.layout.indent
        end = self.layout.new_line + margin
        return opening + ",".join(lead + part for part in parts) + end + closing


class Row:
    """The members of one object while they are written, with commas between them."""

    def __init__(self, draft: Draft, opening: str, origin: Origin = Origin.BASE) -> None:
        self.draft = draft
        self.origin = origin
        self.is_begun = False
        self.trail = ""
        draft.write(opening, origin)

    def lead(self, members: Iterable[Member], otherwise: str) -> str:
        """What stands before the next member: whoever comes first stands where the first stood."""
        if self.is_begun:
            return otherwise
        return next((member.lead for member in members), otherwise)

    def begin(self, lead: str, origin: Origin) -> None:
        if self.is_begun:
            self.draft.write(f"{self.trail},", self.origin)
        self.draft.write(lead, origin)
        self.is_begun = True
        self.trail = ""

    def end(self, closing: str, bracket: str) -> None:
        self.draft.write((closing if self.is_begun else "") + bracket, self.origin)
