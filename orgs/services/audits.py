"""Verifying an organization's chain: the first event that was changed, taken out or put in.

Rows are read in batches, each a statement of its own: memory stays bounded, and no transaction
is held open over a long chain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from hydra.errors import Invalid
from orgs.models import SYSTEM, AuditSeal, Event, Organization
from orgs.models.events import EventQuerySet
from orgs.services import chain, events, seals
from orgs.services.events import Subject

VERIFY_BATCH = 1_000
VERIFY_EVERY = timedelta(days=1)
SLICE_SECONDS = 20.0  # a task may run 45
GONE = "The head of the chain is gone, although events are sealed."


class Wrong(StrEnum):
    """What can be wrong with a chain."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    CUT = "tail cut"
    FOREIGN = "sealed with another key"
    HEAD = "head altered"
    REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong: which event, by number and id, and what."""

    wrong: Wrong
    sentence: str
    sequence: int = 0
    uid: str = ""

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Head:
    """Where a chain ended at some time, as it was exported."""

    org: str
    sequence: int
    seal: str


@dataclass(frozen=True)
class Verdict:
    """What a verification found: nothing wrong up to an event, or the first fault."""

    org: Organization
    sequence: int
    waiting: int = 0
    fault: Fault | None = None
    is_whole: bool = True


@dataclass
class Walk:
    """A way along the chain, up to the head as it was when the walk began."""

    key: bytes
    end: AuditSeal
    sequence: int = 0
    seal: str = ""

    @property
    def events(self) -> EventQuerySet:
        return Event.objects.filter(org=self.end.org_id)

    def batches(self) -> Iterator[Fault | None]:
        """Go on by one batch at a time, until a fault or the end."""
        while True:
            rows = self.events.filter(sequence__lte=self.end.sequence)
            if self.sequence:  # a number below 1 is no number of ours, and must be met
                rows = rows.filter(sequence__gt=self.sequence)
            found = list(
                rows.order_by("sequence", "pk").values(*chain.COLUMNS, "seal")[:VERIFY_BATCH]
            )
            if not found:
                return
            yield next(filter(None, map(self.step, found)), None)

    def step(self, row: dict[str, Any]) -> Fault | None:
        """Go on to the next row, if it is the one that was sealed there."""
        expected = self.sequence + 1
        if row["sequence"] > expected:
            return deleted(expected, row["sequence"] - 1)
        if row["sequence"] < expected:
            return fault(Wrong.INSERTED, row, "was put in: its number belongs to another event.")
        seal = chain.seal_of(row, previous=self.seal, key=self.key)
        if seal != row["seal"]:
            return self.explain(row, seal)
        self.sequence, self.seal = row["sequence"], seal
        return None

    def explain(self, row: dict[str, Any], seal: str) -> Fault:
        """Why a row does not fit: the seals behind it tell what it was when it was sealed."""
        if not row["seal"]:
            return fault(Wrong.INSERTED, row, "was put in or replaced: it carries no seal.")
        if self.is_followed_by(row, seal=row["seal"]):
            return fault(Wrong.EDITED, row, "was edited: it is not what was sealed.")
        if self.is_followed_by(row, seal=seal):
            return fault(Wrong.EDITED, row, "was edited: its seal was changed.")
        return fault(
            Wrong.FOREIGN, row, "was edited and carries a seal of another key, as may those after."
        )

    def is_followed_by(self, row: dict[str, Any], *, seal: str) -> bool:
        """Whether what comes behind the row was sealed behind `seal`."""
        if row["sequence"] == self.end.sequence:
            return seal == self.end.head
        behind = self.events.filter(sequence=row["sequence"] + 1)
        following = behind.values(*chain.COLUMNS, "seal").first()
        return following is not None and following["seal"] == chain.seal_of(
            following, previous=seal, key=self.key
        )

    def arrive(self) -> Fault | None:
        """What can only be seen at the end: is it the end that was sealed?"""
        if self.sequence < self.end.sequence:
            return cut(self.sequence + 1, self.end.sequence)
        if self.seal != self.end.head:
            return Fault(Wrong.HEAD, seals.HEAD_ALTERED, self.end.sequence)
        if self.events.filter(sequence__lte=self.end.sequence).count() > self.end.sequence:
            sentence = "Events were put in: there are more of them than numbers."
            return Fault(Wrong.INSERTED, sentence, self.end.sequence)
        # Compared with the head of this moment: events may have been sealed since the walk began.
        beyond = self.events.filter(sequence__gt=F("org__audit_seal__sequence")).exclude(seal="")
        first = beyond.order_by("sequence").first()
        if first is None:
            return None
        return Fault(Wrong.HEAD, seals.HEAD_PUT_BACK, first.sequence or 0, first.uid)


def fault(wrong: Wrong, row: dict[str, Any], what: str) -> Fault:
    sentence = f"Event {row['sequence']} ({row['uid']}, {row['verb']}) {what}"
    return Fault(wrong, sentence, row["sequence"], row["uid"])


def deleted(first: int, last: int) -> Fault:
    what = (
        f"Event {first} was deleted."
        if first == last
        else f"Events {first} to {last} were deleted."
    )
    return Fault(Wrong.DELETED, what, first)


def cut(first: int, last: int) -> Fault:
    what = f"Event {first} was" if first == last else f"Events {first} to {last} were"
    return Fault(Wrong.CUT, f"{what} cut off: the chain was sealed up to {last}.", first)


def verify(
    org: Organization, *, exported: Head | None = None, seconds: float | None = None
) -> Verdict:
    """Verify the whole chain, and keep what was found for the page.

    With `seconds` it may stop on the way, to be gone on with by the next who calls.
    """
    end = AuditSeal.objects.filter(org=org).first()
    if end is None:
        is_sealed = Event.objects.in_org(org).exclude(seal="").exists()
        return Verdict(org, 0, fault=Fault(Wrong.HEAD, GONE) if is_sealed else None)
    try:
        walk = Walk(seals.trusted_key(end), end)
    except seals.HeadRefused as refused:
        return keep(end, Verdict(org, 0, fault=Fault(Wrong.HEAD, str(refused), end.sequence)))
    if seconds is not None:
        resume(walk)
    return keep(end, walked(walk, exported=exported, seconds=seconds))


def resume(walk: Walk) -> None:
    """Go on behind the event that an earlier slice has come to, if that is still there."""
    reached = walk.events.filter(sequence=walk.end.checked_sequence).values_list("seal", flat=True)
    seal = reached.first()
    if seal:
        walk.sequence, walk.seal = walk.end.checked_sequence, seal


def walked(walk: Walk, *, exported: Head | None, seconds: float | None) -> Verdict:
    org = walk.end.org
    until = None if seconds is None else time.monotonic() + seconds
    for found in walk.batches():
        if found is not None:
            return Verdict(org, walk.sequence, fault=found)
        if until is not None and time.monotonic() > until:
            return Verdict(org, walk.sequence, is_whole=False)
    waiting = walk.events.filter(sequence__gt=walk.sequence).count()
    return Verdict(org, walk.sequence, waiting, walk.arrive() or compare(walk, exported))


def compare(walk: Walk, exported: Head | None) -> Fault | None:
    """Hold the chain against a head that was kept elsewhere: nothing in the database can tell
    that an older head was put back together with the events of its time.
    """
    if exported is None:
        return None
    if exported.org != walk.end.org.uid:
        raise Invalid("The exported head is one of another organization.")
    if exported.sequence > walk.end.sequence:
        return cut(walk.end.sequence + 1, exported.sequence)
    row = walk.events.filter(sequence=exported.sequence).values("uid", "seal").first()
    if row is not None and row["seal"] == exported.seal:
        return None
    sentence = (
        f"Event {exported.sequence} or one before it was rewritten since the head was exported: "
        "its seal is another one."
    )
    return Fault(Wrong.REWRITTEN, sentence, exported.sequence, row["uid"] if row else "")


@transaction.atomic
def keep(end: AuditSeal, verdict: Verdict) -> Verdict:
    """Remember what was found; a fault that was not known is an event."""
    row = AuditSeal.objects.filter(pk=end.pk)
    if not verdict.is_whole:
        row.update(checked_sequence=verdict.sequence, verify_due_at=Now())
        return verdict
    sentence = str(verdict.fault or "")[:300]
    if sentence and row.exclude(fault=sentence).exists():
        events.record(
            org=verdict.org,
            by=SYSTEM,
            verb="audit.fault_found",
            subject=Subject("organization", verdict.org.uid, verdict.org.name),
            data={"fault": sentence},
        )
    now = timezone.now()
    row.update(
        verified_at=now,
        verified_sequence=verdict.sequence,
        fault=sentence,
        checked_sequence=0,
        verify_due_at=now + VERIFY_EVERY,
    )
    return verdict


def verify_due() -> int:
    """Go on verifying the chain that is due, for a while; the number of chains looked at."""
    due = AuditSeal.objects.to_verify().select_related("org").first()
    if due is None:
        return 0
    # A claim that lapses: whoever else looks meanwhile finds another chain or none.
    mine = AuditSeal.objects.to_verify().filter(pk=due.pk)
    if not mine.update(verify_due_at=Now() + timedelta(minutes=5)):
        return 0
    verify(due.org, seconds=SLICE_SECONDS)
    return 1


def verify_now(org: Organization, *, seconds: float) -> Verdict:
    """Begin from the first event, at once; what takes longer goes on in the worker."""
    AuditSeal.objects.filter(org=org).update(checked_sequence=0, verify_due_at=Now())
    return verify(org, seconds=seconds)


def head_of(org: Organization) -> dict[str, Any]:
    """The head to be kept elsewhere, where nobody who changes the database can change it."""
    seal = AuditSeal.objects.filter(org=org).first()
    return {
        "organization": org.uid,
        "slug": org.slug,
        "sequence": seal.sequence if seal else 0,
        "seal": seal.head if seal else "",
        "sealed_at": seal.sealed_at if seal else None,
    }
