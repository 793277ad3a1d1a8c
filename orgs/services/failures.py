"""Failed sign-ins: counted as they happen, told to the organizations once a minute at most."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from orgs.models import Actor, ActorKind, FailedSignIn, User
from orgs.models.failures import Proof
from orgs.services import accounts

BATCH = 500


def count_failure(email: str, *, proof: Proof, address: str) -> None:
    """Remember one. As much work for an address that nobody has as for any other."""
    row = FailedSignIn.objects.filter(email=email.strip().lower()[:254], proof=proof)
    changes = {"attempts": F("attempts") + 1, "address": address}
    if row.update(**changes):
        return
    try:
        with transaction.atomic():
            FailedSignIn.objects.create(
                email=email.strip().lower()[:254], proof=proof, address=address
            )
    except IntegrityError:  # another came first
        row.update(**changes)


def tell_failures() -> int:
    """Write an event wherever those belong whose account was tried; how many accounts."""
    told = sum(tell(failed) for failed in FailedSignIn.objects.to_tell().order_by("pk")[:BATCH])
    FailedSignIn.objects.over().delete()
    return told


@transaction.atomic
def tell(failed: FailedSignIn) -> int:
    """What comes while this is told is told next time: the row is emptied of what was read."""
    mine = FailedSignIn.objects.to_tell().filter(pk=failed.pk, attempts=failed.attempts)
    if not mine.update(attempts=0, told_at=timezone.now()):
        return 0
    user = User.objects.filter(email=failed.email).first()
    if user is None:
        return 0
    somebody = Actor(ActorKind.SYSTEM, "", "Somebody unknown", address=failed.address)
    data = {"attempts": failed.attempts, "wrong": failed.proof}
    accounts.tell(user, "user.sign_in_failed", by=somebody, data=data)
    return 1
