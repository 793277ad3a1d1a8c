"""Events that happen, are sealed and tampered with, for the tests of the audit log."""

from __future__ import annotations

from typing import Any

from orgs.models import SYSTEM, AuditSeal, Event, Organization
from orgs.services import audits, events, seals
from orgs.services.events import Subject

COUNT = 12


def happen(org: Organization, number: int, **data: Any) -> None:
    events.record(
        org=org,
        by=SYSTEM,
        verb="environment.created",
        subject=Subject("environment", f"env_{number}", f"Stage {number}"),
        data={"name": f"Stage {number}", **data},
    )


def seal_all() -> None:
    while events.number_events():
        pass
    while seals.seal_events():
        pass


def at(org: Organization, sequence: int) -> Any:
    return Event.objects.filter(org=org, sequence=sequence)


def found(org: Organization) -> tuple[str, int]:
    fault = audits.verify(org).fault
    assert fault is not None
    return fault.wrong, fault.sequence


def exported(org: Organization) -> audits.Head:
    head = audits.head_of(org)
    return audits.Head(head["organization"], head["sequence"], head["seal"])


def put_back(older: AuditSeal) -> None:
    AuditSeal.objects.filter(pk=older.pk).update(
        sequence=older.sequence, head=older.head, mac=older.mac
    )
