"""Pictures that people uploaded, as we drew them again."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from orgs.models.organizations import Organization


class IconQuerySet(models.QuerySet["Icon"]):
    def in_org(self, org: Organization) -> IconQuerySet:
        return self.filter(org=org)


class Icon(models.Model):
    """A small square PNG, never the bytes that were uploaded; the same picture is kept once."""

    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="icons", verbose_name="organization"
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 of the PNG, hex")
    png = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = IconQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["org", "digest"], name="icon_once_per_org"),
        ]

    def __str__(self) -> str:
        return self.digest[:12]
