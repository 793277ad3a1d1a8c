"""A key and what it creates: the least that an authenticated insert needs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Key(models.Model):
    digest = models.CharField(max_length=64, unique=True)

    objects: ClassVar[models.Manager[Key]] = models.Manager()

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.digest


class Row(models.Model):
    key = models.ForeignKey(Key, models.CASCADE, related_name="rows")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Row]] = models.Manager()

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.name
