"""The cells of the matrix: where one application of one project runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from orgs.models import Environment, Organization
from projects.models import Application, Project

if TYPE_CHECKING:
    from deployments.models.deployments import Deployment


class TargetQuerySet(models.QuerySet["Target"]):
    def in_org(self, org: Organization) -> TargetQuerySet:
        return self.filter(org=org)

    def with_cells(self) -> TargetQuerySet:
        """Joined with what a matrix shows, so that its cost does not grow with history."""
        return self.select_related("current__version", "latest__version", "head__version")

    def take(self, pk: int, deployment: Deployment) -> bool:
        """Make `deployment` the one that may run here; False when another one is."""
        return bool(self.filter(pk=pk, head=None).update(head=deployment))

    def leave(self, pk: int, deployment: Deployment) -> bool:
        return bool(self.filter(pk=pk, head=deployment).update(head=None))


class Target(models.Model):
    """One application of one project in one environment.

    `head` is the one deployment that may run now; taking it is a conditional update, and its
    queue is the target's deployments in state queued. `current` is the last that succeeded.
    """

    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    project = models.ForeignKey(Project, models.CASCADE, related_name="targets")
    application = models.ForeignKey(Application, models.CASCADE, related_name="targets")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="targets")
    head = models.ForeignKey("Deployment", models.SET_NULL, null=True, related_name="+")
    current = models.ForeignKey("Deployment", models.SET_NULL, null=True, related_name="+")
    latest = models.ForeignKey("Deployment", models.SET_NULL, null=True, related_name="+")
    held_at = models.DateTimeField(null=True)
    held_by_label = models.CharField(max_length=200, blank=True)
    held_reason = models.CharField(max_length=500, blank=True)

    objects = TargetQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "application", "environment"], name="target_once"
            ),
            models.CheckConstraint(
                condition=Q(held_at=None, held_reason="") | Q(held_at__isnull=False),
                name="target_hold_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} of {self.project} in {self.environment}"
