"""Answers kept for a day, so that a repeated POST is answered and not repeated."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orgs.models.organizations import Organization


class IdempotencyRecord(models.Model):
    """One `Idempotency-Key` of one organization and, when it is finished, its answer."""

    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    locked_at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["locked_at"], name="idempotency_to_forget")]
        constraints = [
            models.UniqueConstraint(fields=["org", "key"], name="idempotency_key_once_per_org"),
            models.CheckConstraint(
                condition=Q(status=None, body=None) | Q(status__isnull=False, body__isnull=False),
                name="idempotency_answer_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.key
