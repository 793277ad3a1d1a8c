"""Writing the one log of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra import hints, inserts
from orgs.models import Actor, Event, Organization

# What webhooks may be told, as the product page lists it.
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
