"""Writing the one log of events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from hydra import hints, inserts, updates
from orgs.models import Actor, AuditSeal, Event, Organization

NUMBER_BATCH = 1000

# What webhooks may be told; docs/webhooks.md says which of these are sent already.
WEBHOOK_VERBS = (
    "deployment.started",
    "deployment.ready",
    "deployment.failed",
    "deployment.rollback",
    "deployment.queued",
    "deployment.canceled",
    "deployment.approval_requested",
    "deployment.unknown",
    "version.created",
    "agent.online",
    "agent.offline",
    "ping",
)


@dataclass(frozen=True)
class Subject:
    """What an event is about, remembered even when the row is gone."""

    kind: str
    uid: str
    label: str


@transaction.atomic
def number_events() -> int:
    """Give every event of an organization that has none its number, without gaps; how many.

    One writer per organization at a time, afterwards: transactions that happen at once need not
    wait for each other's numbers. Numbers follow the order in which events became visible.
    """
    waiting = list(
        Event.objects.filter(sequence=None)
        .order_by("pk")
        .values_list("pk", "org_id")[:NUMBER_BATCH]
    )
    orgs = Organization.objects.filter(pk__in={org for _, org in waiting}).order_by("pk")
    count = 0
    for org in orgs.select_for_update(no_key=True).only("pk"):
        last = last_number(org)
        fresh = Event.objects.filter(org=org, sequence=None, pk__in=[pk for pk, _ in waiting])
        numbers = enumerate(fresh.order_by("pk").values_list("pk", flat=True), last + 1)
        count += updates.set_each(Event, "sequence", {pk: number for number, pk in numbers})
    return count


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What an event tells of changed fields: what they held before, and hold now."""
    changed = [name for name in after if before.get(name) != after[name]]
    return {
        "before": {name: before.get(name) for name in changed},
        "after": {name: after[name] for name in changed},
    }


def outline(text: str) -> str:
    """A text that may be long, or hold what nobody but its readers should read, as events tell of
    it: whether it is the same one can be seen, but not what stands in it.
    """
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{len(content)} bytes, SHA-256 {digest}…" if content else ""


def last_number(org: Organization) -> int:
    """The highest number that was ever given. A number whose event somebody deleted is not free:
    what was sealed under it would be taken for changed.
    """
    given = Event.objects.filter(org=org).aggregate(last=Max("sequence"))["last"] or 0
    sealed = AuditSeal.objects.filter(org=org).values_list("sequence", flat=True).first() or 0
    return max(given, sealed)


def compose(
    *, org: Organization, by: Actor, verb: str, subject: Subject, data: dict[str, Any] | None = None
) -> Event:
    """An event not yet saved, for services that write several at once."""
    return Event(
        org=org,
        verb=verb,
        actor_kind=by.kind,
        actor_uid=by.uid,
        actor_label=by.label[:200],
        subject_kind=subject.kind,
        subject_uid=subject.uid,
        subject_label=subject.label[:300],
        data=data or {},
        request_id=by.request_id,
        address=by.address,
        needs_fanout=verb in WEBHOOK_VERBS,
    )


def record(
    *, org: Organization, by: Actor, verb: str, subject: Subject, data: dict[str, Any] | None = None
) -> Event:
    """Write what happened, in the transaction that does it. `data` must hold no secret."""
    event = compose(org=org, by=by, verb=verb, subject=subject, data=data)
    record_all([event])
    return event


def record_all(events: list[Event]) -> None:
    """Write several events in one statement, and hint to the worker if any is to be sent."""
    inserts.insert_all(events)
    if any(event.needs_fanout for event in events):
        hints.wake_on_commit("worker", "events")
