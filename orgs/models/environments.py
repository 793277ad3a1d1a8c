"""The organization's named stages."""

from __future__ import annotations

from django.db import models
from django.db.models import Count, Q
from django.db.models.functions import Lower, Now

from hydra import keys
from orgs.models.organizations import Organization


def new_environment_uid() -> str:
    return keys.new_uid("env")


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def in_org(self, org: Organization) -> EnvironmentQuerySet:
        return self.filter(org=org)

    def with_uses(self) -> EnvironmentQuerySet:
        """In order, with `projects`, the number of projects that have it.

        The order is asked for, because Django drops a model's own one when it counts.
        """
        return self.annotate(projects=Count("uses")).order_by("position", "pk")


class Environment(models.Model):
    """A named stage of the organization; `position` is the order people dragged it to."""

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_environment_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="environments", verbose_name="organization"
    )
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint("org", Lower("name"), name="environment_name_once_per_org"),
            models.UniqueConstraint(fields=["org", "slug"], name="environment_slug_once_per_org"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(slug=""), name="environment_has_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
