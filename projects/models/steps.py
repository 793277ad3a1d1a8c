"""What an application's deployment runs, in order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from hydra import keys
from projects.models.applications import Application


def new_step_uid() -> str:
    return keys.new_uid("stp")


class StepType(models.TextChoices):
    BASH = "bash", "Bash"
    POWERSHELL = "powershell", "PowerShell"
    PYTHON = "python", "Python"
    TEMPLATE = "template", "Template"


class Step(models.Model):
    """One script or template in an application's deployment.

    A template is turned into a script when a deployment's snapshot is made.
    """

    uid = models.CharField("ID", max_length=40, unique=True, default=new_step_uid, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    type = models.CharField(max_length=10, choices=StepType)
    script = models.TextField(blank=True)
    template = models.CharField(max_length=40, blank=True)
    parameters = models.JSONField(default=dict)
    timeout_seconds = models.PositiveIntegerField(default=60)
    retries = models.PositiveSmallIntegerField(default=0)
    backoff_seconds = models.PositiveSmallIntegerField(default=1)
    continue_on_error = models.BooleanField(default=False)
    run_when = models.CharField(max_length=300, default="success")
    needs = models.JSONField(default=list, help_text="uids of other steps of the application")
    safe_to_repeat = models.BooleanField(default=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(type__in=StepType.values), name="step_type_known"),
            models.CheckConstraint(condition=~Q(name=""), name="step_has_name"),
            models.CheckConstraint(
                condition=Q(type="template") ^ Q(template=""), name="step_template_named"
            ),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=86_400),
                name="step_timeout_within_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name
