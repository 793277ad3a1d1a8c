"""Named values, often secret."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hydra import keys, sealed
from orgs.models import Environment, Organization
from projects.models.projects import Project


def new_variable_uid() -> str:
    return keys.new_uid("var")


class VariableQuerySet(models.QuerySet["Variable"]):
    def in_org(self, org: Organization) -> VariableQuerySet:
        return self.filter(org=org)

    def reaching(self, *, org_id: int, project_id: int) -> VariableQuerySet:
        """All that may apply somewhere in the project, weakest rank first."""
        return self.filter(Q(project=None) | Q(project_id=project_id), org_id=org_id)


class Variable(models.Model):
    """A named value of an organization or a project, everywhere or in one environment.

    Ranks: project and environment, project, organization and environment, organization. Two of
    equal rank cannot exist.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_variable_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="variables", verbose_name="organization"
    )
    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="variables")
    environment = models.ForeignKey(Environment, models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=200)
    value_sealed = models.BinaryField()
    is_sensitive = models.BooleanField(default=False)
    updated_at = models.DateTimeField(db_default=Now())

    objects = VariableQuerySet.as_manager()

    class Meta:
        ordering = ["key", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "environment", "key"],
                condition=Q(project__isnull=False, environment__isnull=False),
                name="variable_once_in_project_environment",
            ),
            models.UniqueConstraint(
                fields=["project", "key"],
                condition=Q(project__isnull=False, environment=None),
                name="variable_once_in_project",
            ),
            models.UniqueConstraint(
                fields=["org", "environment", "key"],
                condition=Q(project=None, environment__isnull=False),
                name="variable_once_in_org_environment",
            ),
            models.UniqueConstraint(
                fields=["org", "key"],
                condition=Q(project=None, environment=None),
                name="variable_once_in_org",
            ),
            models.CheckConstraint(condition=~Q(key=""), name="variable_has_key"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def binding(self) -> str:
        return f"variable|{self.uid}|value|{self.org_id}"

    def seal_value(self, text: str) -> None:
        self.value_sealed = sealed.seal(text, bound_to=self.binding)

    def open_value(self) -> str:
        return sealed.open_text(bytes(self.value_sealed), bound_to=self.binding)
