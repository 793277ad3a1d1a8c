"""What every rule said of a version."""

from __future__ import annotations

import json
import zlib
from typing import Any

from django.db import models
from django.db.models.functions import Now

from projects.models import Version


class Evaluation(models.Model):
    """The verdict of every rule of the application on one version build; made once.

    One row for all verdicts: {rule, project, environment, strategy, pattern, fired, reason,
    deployment} each, so that a hundred rules cost one insert. Compressed, because they are much
    alike: as a column of JSON they would be most of what creating a version costs.
    """

    version = models.OneToOneField(Version, models.CASCADE, related_name="evaluation")
    verdicts_packed = models.BinaryField(help_text="zlib of JSON")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"rules on {self.version}"

    @property
    def verdicts(self) -> list[Any]:
        verdicts: list[Any] = json.loads(zlib.decompress(self.verdicts_packed))
        return verdicts

    def pack(self, verdicts: str) -> None:
        """Keep the verdicts, given as JSON."""
        self.verdicts_packed = zlib.compress(verdicts.encode(), 1)
