"""Sealing events, in the order of their numbers: one writer for each organization's chain."""

from __future__ import annotations

import os
from hmac import compare_digest

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Coalesce, Now

from hydra import updates
from hydra.sealed import SealBroken
from orgs.models import AuditSeal, Event, Organization
from orgs.services import chain

log = structlog.get_logger(__name__)

SEAL_BATCH = 500

HEAD_ALTERED = "The head of the chain was altered: its code does not fit."
HEAD_PUT_BACK = "The head of the chain was put back: events after it are sealed already."
KEY_LOST = "The key of the chain cannot be opened: it was altered, or its encryption key is gone."


class HeadRefused(Exception):
    """A head that nothing may be sealed behind, because somebody changed it."""


def seal_events() -> int:
    """Seal a batch of each organization that has events to be sealed; how many."""
    return sum(seal_batch(org) for org in waiting())


def waiting() -> list[int]:
    """The organizations with numbered events behind the head of their chain."""
    ends = Organization.objects.annotate(end=Coalesce("audit_seal__sequence", Value(0)))
    behind = Event.objects.filter(org=OuterRef("pk"), sequence__gt=OuterRef("end"), seal="")
    return list(ends.filter(Exists(behind)).order_by("pk").values_list("pk", flat=True))


def seal_batch(org_id: int) -> int:
    """Lengthen one chain. One whose head was changed is left as it is, and verified at once."""
    try:
        return lengthen(org_id)
    except HeadRefused as refused:
        begin(Organization.objects.get(pk=org_id))  # where it was taken away altogether
        unheard = AuditSeal.objects.filter(org=org_id, fault="")
        if unheard.update(verify_due_at=Now()):
            log.warning("events are not sealed", org=org_id, reason=str(refused))
        return 0


@transaction.atomic
def lengthen(org_id: int) -> int:
    """Seal the next events of one organization, behind its head, which is locked meanwhile."""
    seal = locked(org_id)
    key = trusted_key(seal)
    behind = Event.objects.filter(org=org_id, sequence__gt=seal.sequence)
    if behind.exclude(seal="").exists():
        raise HeadRefused(HEAD_PUT_BACK)
    rows = list(behind.order_by("sequence").values(*chain.COLUMNS)[:SEAL_BATCH])
    if not rows:
        return 0
    links: dict[int, int | str] = {}
    for row in rows:
        seal.head = chain.seal_of(row, previous=seal.head, key=key)
        seal.sequence = row["sequence"]
        links[row["id"]] = seal.head
    updates.set_each(Event, "seal", links)
    write_head(seal, key)
    return len(links)


def locked(org_id: int) -> AuditSeal:
    """The head of the organization's chain, which begins here when there is none."""
    heads = AuditSeal.objects.select_for_update(of=("self",)).select_related("org")
    seal = heads.filter(org=org_id).first()
    if seal is not None:
        return seal
    begin(Organization.objects.get(pk=org_id))
    return heads.get(org=org_id)


def begin(org: Organization) -> None:
    """An empty chain with a key of its own. When two begin at once, one key stays."""
    seal, key = AuditSeal(org=org), os.urandom(chain.KEY_BYTES)
    seal.seal_key(key)
    AuditSeal.objects.get_or_create(
        org=org, defaults={"key_sealed": seal.key_sealed, "mac": code(seal, key)}
    )


def trusted_key(seal: AuditSeal) -> bytes:
    """The chain's key, once it has vouched for the head."""
    try:
        key = seal.open_key()
    except SealBroken as error:
        raise HeadRefused(KEY_LOST) from error
    if not compare_digest(seal.mac, code(seal, key)):
        raise HeadRefused(HEAD_ALTERED)
    return key


def code(seal: AuditSeal, key: bytes) -> str:
    return chain.code_of_head(org=seal.org.uid, sequence=seal.sequence, head=seal.head, key=key)


def write_head(seal: AuditSeal, key: bytes) -> None:
    AuditSeal.objects.filter(pk=seal.pk).update(
        sequence=seal.sequence,
        head=seal.head,
        mac=code(seal, key),
        sealed_at=Now(),
    )
