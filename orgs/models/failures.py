"""Wrong passwords and codes that are still to be told of."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

TOLD_EVERY = timedelta(minutes=1)


class Proof(models.TextChoices):
    """What was wrong. Whoever gets to the code knew the password."""

    PASSWORD = "password"  # noqa: S105  # a word
    CODE = "code"


class FailedSignInQuerySet(models.QuerySet["FailedSignIn"]):
    def to_tell(self) -> FailedSignInQuerySet:
        """What failed since it was last told of, which is a minute ago or longer."""
        late = timezone.now() - TOLD_EVERY
        return self.filter(attempts__gt=0).filter(Q(told_at=None) | Q(told_at__lte=late))

    def over(self) -> FailedSignInQuerySet:
        """What nobody has to be told of any more."""
        return self.filter(attempts=0, told_at__lte=timezone.now() - TOLD_EVERY)


class FailedSignIn(models.Model):
    """How often somebody failed to sign in with one address since that was last told of.

    Whether there is such an account is not asked when it fails, but when it is told: an answer
    that took longer for one that exists would tell it to whoever tries.
    """

    email = models.EmailField("e-mail", max_length=254)
    proof = models.CharField(max_length=8, choices=Proof, default=Proof.PASSWORD)
    attempts = models.PositiveIntegerField(default=1)
    address = models.CharField(max_length=45, blank=True, help_text="Where the last one came from")
    told_at = models.DateTimeField(null=True)

    objects = FailedSignInQuerySet.as_manager()

    class Meta:
        verbose_name = "failed sign-in"
        indexes = [models.Index(fields=["told_at"], name="failed_sign_in_over")]
        constraints = [
            models.UniqueConstraint(fields=["email", "proof"], name="failed_sign_in_counted_once"),
            models.CheckConstraint(
                condition=Q(proof__in=Proof.values), name="failed_sign_in_proof_known"
            ),
        ]

    def __str__(self) -> str:
        return self.email
