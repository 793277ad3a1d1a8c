"""Who did it: a value passed to services as `by=` and written into events. Not a table."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class ActorKind(models.TextChoices):
    USER = "user"
    KEY = "key"
    AGENT = "agent"
    RULE = "rule"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """One who acts: what events remember of them, even after the row is gone."""

    kind: ActorKind
    uid: str
    label: str
    request_id: str = ""
    address: str = ""

    def __str__(self) -> str:
        return self.label


SYSTEM = Actor(ActorKind.SYSTEM, "", "Hydra")
