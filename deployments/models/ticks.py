"""When periodic work last ran."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Tick(models.Model):
    """The last run of one kind of periodic work; taking a turn is a conditional update."""

    name = models.CharField(max_length=40, primary_key=True)
    last_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
