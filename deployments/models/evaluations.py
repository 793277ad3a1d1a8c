"""What every rule said of a version."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from projects.models import Version


class Evaluation(models.Model):
    """The verdict of every rule of the application on one version build; made once.

    One row for all verdicts: {rule, project, environment, strategy, pattern, fired, reason,
    deployment} each, so that a hundred rules cost one insert.
    """

    version = models.OneToOneField(Version, models.CASCADE, related_name="evaluation")
    verdicts = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"rules on {self.version}"
