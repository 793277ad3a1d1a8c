"""JSON answers: written once here, so that no face differs in encoding or headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NewType

from django.http import HttpResponse

# A moment as the API writes it: ISO 8601 in UTC. A type of its own, for the schema's sake.
Moment = NewType("Moment", str)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def answer(body: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(_encode(body).encode(), status=status, content_type="application/json")


def moment(at: datetime) -> Moment:
    """`at` in UTC, to the microsecond only when it has any."""
    return Moment(at.astimezone(UTC).isoformat().replace("+00:00", "Z"))


def moment_or_none(at: datetime | None) -> Moment | None:
    return None if at is None else moment(at)
