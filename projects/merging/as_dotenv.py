"""DOTENV files: key by key; whatever an override does not set stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

from projects.merging.dotenv_lines import Entry, Filler, parse
from projects.merging.drafts import Draft, Merged
from projects.merging.texts import ConfigError, Origin, new_line_of, place_of

EXPANDED = re.compile(r"[$`]")
UNSAFE = {
    "": re.compile(r"[\s'\"#$`\\]"),
    "'": re.compile(r"['\\$`]"),
    '"': EXPANDED,
}


def check(text: str, origin: Origin) -> None:
    entries = list(parse(text, origin))
    if origin is Origin.OVERRIDE:
        require_values(entries)


def require_values(entries: list[Entry | Filler]) -> None:
    """A name alone sets nothing, so in an override it can only be a slip."""
    offset, text = 0, "".join(entry.text for entry in entries)
    for entry in entries:
        if isinstance(entry, Entry) and entry.value is None:
            at = place_of(text, offset + len(entry.blank + entry.label))
            message = f"{entry.name} has no value; write {entry.name}= for an empty one."
            raise ConfigError(message, at=at, origin=Origin.OVERRIDE)
        offset += len(entry.text)


def merge(base: str, override: str | None) -> Merged:
    entries = list(parse(base))
    changes = list(parse(override or "", Origin.OVERRIDE))
    require_values(changes)
    wanted = {change.name: change for change in changes if isinstance(change, Entry)}
    draft = Draft()
    for entry in entries:
        if isinstance(entry, Filler):
            draft.write(entry.text)
        else:
            write_entry(draft, entry, wanted.get(entry.name))
    known = {entry.name for entry in entries if isinstance(entry, Entry)}
    add(draft, base, [change for name, change in wanted.items() if name not in known])
    return draft.finish()


def write_entry(draft: Draft, entry: Entry, change: Entry | None) -> None:
    origin = Origin.BASE if change is None else Origin.OVERRIDE
    draft.write(entry.blank)
    draft.key(entry.name, origin)
    text = entry.text if change is None or agree(entry, change) else exchanged(entry, change)
    draft.write(text.removeprefix(entry.blank), origin)


def agree(entry: Entry, change: Entry) -> bool:
    """Whether both say the same: under other quotes a dollar sign may say something else."""
    return entry.value == change.value and (
        entry.quote == change.quote or not EXPANDED.search(entry.spelled + change.spelled)
    )


def exchanged(entry: Entry, change: Entry) -> str:
    """The base's line with the override's value: the first way of writing it that reads back."""
    return next(text for text in ways_to_write(entry, change) if reads_as(text, change.value))


def reads_as(text: str, value: str | None) -> bool:
    read = list(parse(text))
    return len(read) == 1 and isinstance(read[0], Entry) and read[0].value == value


def ways_to_write(entry: Entry, change: Entry) -> Iterator[str]:
    """In the base's quotes where they can hold the value, else in the override's."""
    spelled = change.spelled
    unsafe = UNSAFE[entry.quote].search(change.value or "")
    if entry.quote != change.quote and not unsafe:
        spelled = entry.quote + (change.value or "").replace("\\", "\\\\") + entry.quote
        if entry.quote == '"':
            inner = spelled[1:-1].replace('"', '\\"')
            spelled = f'"{inner}"'
    yield entry.blank + entry.label + (entry.equals or "=") + spelled + entry.tail
    # A comment that followed nothing, or a quote, needs a blank before it now.
    tail = f" {entry.tail}" if entry.tail.startswith("#") else entry.tail
    yield entry.blank + entry.label + "=" + spelled + tail
    yield entry.blank + entry.label + "=" + change.spelled + tail


def add(draft: Draft, base: str, entries: list[Entry]) -> None:
    """New keys, at the end; the file ends with a line break as it did before."""
    new_line = new_line_of(base)
    is_ended = not base or base.endswith(("\n", "\r"))
    for entry in entries:
        if not is_ended:
            draft.write(new_line)
        draft.key(entry.name, Origin.OVERRIDE)
        draft.write(re.sub(r"[\r\n]+\Z", "", entry.text.lstrip()), Origin.OVERRIDE)
        if is_ended:
            draft.write(new_line)
