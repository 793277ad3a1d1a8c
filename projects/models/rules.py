"""When a version deploys itself."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from hydra import keys
from orgs.models import Environment, Organization
from projects.models.applications import Application
from projects.models.projects import Project, ProjectApplication, ProjectEnvironment


def new_rule_uid() -> str:
    return keys.new_uid("rule")


class Strategy(models.TextChoices):
    REGEX = "regex", "Regular expression"
    EXACT = "exact", "Exact name"
    WILDCARD = "wildcard", "Wildcard"
    TAG = "tag", "Tag"
    LATEST = "latest", "Latest version"


class AutoDeployRuleQuerySet(models.QuerySet["AutoDeployRule"]):
    def in_org(self, org: Organization) -> AutoDeployRuleQuerySet:
        return self.filter(org=org)

    def with_names(self) -> AutoDeployRuleQuerySet:
        return self.select_related("project__org", "application", "environment")

    def with_life(self) -> AutoDeployRuleQuerySet:
        """With `is_alive`: whether application and environment are still part of the project."""
        here = {"project": OuterRef("project")}
        stages = ProjectEnvironment.objects.filter(environment=OuterRef("environment"), **here)
        parts = ProjectApplication.objects.filter(application=OuterRef("application"), **here)
        return self.annotate(is_alive=Exists(stages) & Exists(parts))


class AutoDeployRule(models.Model):
    """When a version of this application looks like this, deploy it there, after this delay."""

    uid = models.CharField("ID", max_length=40, unique=True, default=new_rule_uid, editable=False)
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="rules", verbose_name="organization"
    )
    project = models.ForeignKey(Project, models.CASCADE, related_name="rules")
    application = models.ForeignKey(Application, models.CASCADE, related_name="rules")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="rules")
    strategy = models.CharField(max_length=10, choices=Strategy, default=Strategy.REGEX)
    pattern = models.CharField(max_length=500, blank=True)
    delay_minutes = models.PositiveIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    allows_older = models.BooleanField(
        default=False, help_text="May put an older version over a newer one"
    )
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AutoDeployRuleQuerySet.as_manager()

    class Meta:
        verbose_name = "auto-deploy rule"
        ordering = ["project_id", "position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(strategy__in=Strategy.values), name="rule_strategy_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_strategy_display()} {self.pattern or 'any name'}"
