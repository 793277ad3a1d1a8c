"""Releases of applications."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hydra import keys
from orgs.models import Organization
from projects.models.applications import Application


def new_version_uid() -> str:
    return keys.new_uid("ver")


class VersionQuerySet(models.QuerySet["Version"]):
    def in_org(self, org: Organization) -> VersionQuerySet:
        return self.filter(org=org)

    def newest_first(self) -> VersionQuerySet:
        return self.order_by("-pk")


class Version(models.Model):
    """One build of one release of an application; it never changes what it names.

    A name is unique in its application. Only moving names, such as branches, have builds after
    the first, each a row of its own, so that what was deployed stays known.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_version_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="versions", verbose_name="organization"
    )
    application = models.ForeignKey(Application, models.CASCADE, related_name="versions")
    name = models.CharField(max_length=128)
    build = models.PositiveIntegerField(default=1)
    tags = models.JSONField(default=list)
    commit = models.CharField(max_length=64, blank=True)
    message = models.TextField(blank=True, max_length=10_000)
    author = models.CharField(max_length=200, blank=True)
    author_avatar_url = models.CharField("author avatar URL", max_length=500, blank=True)
    committed_at = models.DateTimeField(null=True)
    image = models.CharField(max_length=500, blank=True)
    notes = models.TextField(blank=True, max_length=50_000)
    blocked_reason = models.CharField(max_length=500, blank=True)
    created_by_kind = models.CharField(max_length=8)
    created_by_label = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["application", "-id"], name="version_list"),
            models.Index(fields=["org", "-id"], name="version_list_of_org"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "name", "build"], name="version_name_once_per_application"
            ),
            models.CheckConstraint(
                condition=~Q(name="") & Q(build__gte=1), name="version_has_name_and_build"
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.build == 1 else f"{self.name} #{self.build}"
