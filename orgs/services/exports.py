"""The log as a file: written line by line, so that a long one needs no more memory than a short."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypedDict

from hydra.api.answers import Moment, moment
from orgs.models import Event, EventQuerySet

EXPORT_BATCH = 500
# What a spreadsheet would take for a formula. A quote before it makes it a text.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class EventActorShown(TypedDict):
    """Who did it: a user, key, agent, rule, or the system."""

    kind: str
    id: str
    label: str


class EventSubjectShown(TypedDict):
    """What it was done to, remembered even when it is gone."""

    kind: str
    id: str
    label: str


class EventShown(TypedDict):
    """One thing that happened. `sequence` and `seal` come within seconds after it."""

    id: str
    sequence: int | None
    verb: str
    occurred_at: Moment
    actor: EventActorShown
    subject: EventSubjectShown
    data: dict[str, Any]
    request_id: str
    address: str
    seal: str


def show_event(event: Event) -> EventShown:
    return EventShown(
        id=event.uid,
        sequence=event.sequence,
        verb=event.verb,
        occurred_at=moment(event.created_at),
        actor=EventActorShown(kind=event.actor_kind, id=event.actor_uid, label=event.actor_label),
        subject=EventSubjectShown(
            kind=event.subject_kind, id=event.subject_uid, label=event.subject_label
        ),
        data=event.data,
        request_id=event.request_id,
        address=event.address,
        seal=event.seal,
    )


def in_order(events: EventQuerySet) -> Iterator[Event]:
    """All of them, oldest first, in batches that are each a statement of its own. What happens
    meanwhile is not waited for, or an export of a busy organization would never end.
    """
    last = events.order_by("-pk").values_list("pk", flat=True).first()
    reached = 0
    while last is not None and reached < last:
        batch = list(events.filter(pk__gt=reached, pk__lte=last).order_by("pk")[:EXPORT_BATCH])
        if not batch:
            return
        yield from batch
        reached = batch[-1].pk


def json_lines(events: EventQuerySet) -> Iterator[bytes]:
    """One JSON object a line, as the API shows an event."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for event in in_order(events):
        yield f"{encode(show_event(event))}\n".encode()


def csv_lines(events: EventQuerySet) -> Iterator[bytes]:
    """A line of headings, then one for each event; `data` is JSON in its cell."""
    line = io.StringIO()
    writer = csv.writer(line)
    yield write(writer, line, list(cells(Event())))
    for event in in_order(events):
        yield write(writer, line, [harmless(cell) for cell in cells(event).values()])


def cells(event: Event) -> dict[str, str]:
    return {
        "sequence": "" if event.sequence is None else str(event.sequence),
        "id": event.uid,
        "occurred_at": moment(event.created_at) if event.pk else "",
        "verb": event.verb,
        "actor_kind": event.actor_kind,
        "actor_id": event.actor_uid,
        "actor": event.actor_label,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_uid,
        "subject": event.subject_label,
        "data": json.dumps(event.data, ensure_ascii=False, sort_keys=True),
        "request_id": event.request_id,
        "address": event.address,
        "seal": event.seal,
    }


def harmless(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula, whatever somebody called their thing."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def write(writer: Any, line: io.StringIO, row: list[str]) -> bytes:
    line.seek(0)
    line.truncate()
    writer.writerow(row)
    return line.getvalue().encode()


FORMATS: Final[dict[str, tuple[str, Callable[[EventQuerySet], Iterator[bytes]]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/jsonl; charset=utf-8", json_lines),
}
