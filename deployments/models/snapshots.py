"""What a deployment will run, frozen when it is requested."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models.functions import Now

from hydra import keys, sealed
from orgs.models import Organization


def new_snapshot_uid() -> str:
    return keys.new_uid("snap")


class Snapshot(models.Model):
    """Steps, rendered config files, variables and agents of a deployment; never changed.

    The content holds secrets and is encrypted; `summary` is what people and programs may see,
    and `digest` names the content.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_snapshot_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    digest = models.CharField(max_length=64)
    content_sealed = models.BinaryField()
    summary = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def binding(self) -> str:
        return f"snapshot|{self.uid}|content|{self.org_id}"

    def seal_content(self, content: Mapping[str, Any]) -> None:
        plain = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
        packed = zlib.compress(plain, 1)
        self.digest = hashlib.sha256(plain).hexdigest()
        self.content_sealed = sealed.seal(packed, bound_to=self.binding)

    def open_content(self) -> dict[str, Any]:
        packed = sealed.open_sealed(bytes(self.content_sealed), bound_to=self.binding)
        content: dict[str, Any] = json.loads(zlib.decompress(packed))
        return content
