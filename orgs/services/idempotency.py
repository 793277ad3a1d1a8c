"""Repeated POSTs: the first one is done, and whoever sends it again gets the first one's answer.

The claim is committed before the work begins, and the answer in the transaction of its effect: a
process that dies in between leaves a claim without effect, which may be taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.db import IntegrityError, transaction
from django.utils import timezone

from hydra import sealed
from hydra.errors import Conflict, Refused
from orgs.models import IdempotencyRecord, Organization

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(seconds=60)
FORGOTTEN_AT_ONCE = 1000


class KeyReused(Refused):
    """The same key came with another request."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class StillRunning(Conflict):
    """The first request with this key has not ended yet."""

    code = "idempotency_key_in_use"
    retry_after_seconds = 1


class ClaimLost(Conflict):
    """Another request took the claim over, because this one took too long; nothing was done."""

    code = "idempotency_key_in_use"
    retry_after_seconds = 1


@dataclass(frozen=True)
class Claim:
    """The right to answer one key for the first time; `locked_at` tells it from later claims."""

    pk: int
    locked_at: datetime
    binding: str


@dataclass(frozen=True)
class Answer:
    """What the first request was answered, under which id."""

    status: int
    body: bytes
    request_id: str


def claim(org: Organization, *, key: str, fingerprint: str) -> Claim | Answer:
    """Claim `key` for a request, or recall the answer that the same request got before."""
    known = find(org, key)
    if known is None:
        made = make(org, key=key, fingerprint=fingerprint)
        if made is not None:
            return made
        known = find(org, key)
    if known is None:  # claimed and given back between two looks
        raise StillRunning("A request with this Idempotency-Key has just ended: send it again.")
    return settle(known, fingerprint=fingerprint, binding=binding_of(org, key))


def find(org: Organization, key: str) -> IdempotencyRecord | None:
    return IdempotencyRecord.objects.filter(org=org, key=key).first()


def make(org: Organization, *, key: str, fingerprint: str) -> Claim | None:
    """A claim of our own; None when another request has just made one."""
    now = timezone.now()
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(
                org=org, key=key, fingerprint=fingerprint, locked_at=now
            )
    except IntegrityError:
        return None
    return Claim(record.pk, now, binding_of(org, key))


def settle(known: IdempotencyRecord, *, fingerprint: str, binding: str) -> Claim | Answer:
    """What an existing record means for a request."""
    now = timezone.now()
    if known.locked_at < now - KEPT_FOR:
        return take_over(known, fingerprint=fingerprint, now=now, binding=binding)
    if known.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key was used before, for another request.")
    if known.status is not None and known.body is not None:
        request_id, _, body = sealed.open_sealed(known.body, bound_to=binding).partition(b"\n")
        return Answer(known.status, body, request_id.decode())
    if known.locked_at < now - ABANDONED_AFTER:
        return take_over(known, fingerprint=fingerprint, now=now, binding=binding)
    raise StillRunning("The first request with this Idempotency-Key is still running.")


def take_over(known: IdempotencyRecord, *, fingerprint: str, now: datetime, binding: str) -> Claim:
    """Claim a record that is too old, or whose request died; of two who try one succeeds."""
    is_ours = IdempotencyRecord.objects.filter(pk=known.pk, locked_at=known.locked_at).update(
        locked_at=now, fingerprint=fingerprint, status=None, body=None
    )
    if not is_ours:
        raise StillRunning("The first request with this Idempotency-Key is still running.")
    return Claim(known.pk, now, binding)


def finish(claim: Claim, *, answer: Answer) -> None:
    """Keep the answer. To be called in the transaction of its effect, which ClaimLost undoes.

    The answer is sealed, because some answers show a credential for the only time; the line
    above it is its id.
    """
    content = answer.request_id.encode() + b"\n" + answer.body
    is_kept = IdempotencyRecord.objects.filter(
        pk=claim.pk, locked_at=claim.locked_at, status=None
    ).update(status=answer.status, body=sealed.seal(content, bound_to=claim.binding))
    if not is_kept:
        raise ClaimLost("Another request with this Idempotency-Key has taken over.")


@contextmanager
def held(claim: Claim) -> Iterator[None]:
    """Give the claim back when nothing came of it, so that the request may be sent again."""
    try:
        yield
    except BaseException:
        IdempotencyRecord.objects.filter(
            pk=claim.pk, locked_at=claim.locked_at, status=None
        ).delete()
        raise


def forget_old() -> int:
    """Delete some of what is older than a day; how many."""
    old = IdempotencyRecord.objects.filter(locked_at__lt=timezone.now() - KEPT_FOR)
    pks = list(old.order_by("locked_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    IdempotencyRecord.objects.filter(pk__in=pks).delete()
    return len(pks)


def binding_of(org: Organization, key: str) -> str:
    return f"idempotency|{org.uid}|{key}"
