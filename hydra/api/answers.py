"""JSON answers: written once here, so that no face differs in encoding or headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NewType

from django.http import HttpResponse

from hydra.encoded import Encoded

# A moment as the API writes it: ISO 8601 in UTC. A type of its own, for the schema's sake.
Moment = NewType("Moment", str)


def listed(value: object) -> object:
    """What the encoder does not know by itself: a list that is kept as its JSON."""
    if isinstance(value, Encoded):
        return value.values
    raise TypeError(f"{type(value).__name__} has no JSON")


_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=listed
).encode


def answer(body: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(encode(body).encode(), status=status, content_type="application/json")


def encode(body: dict[str, Any]) -> str:
    """`body` as JSON. What knows its own JSON is put in as it is, at the end."""
    known = {name: value for name, value in body.items() if isinstance(value, Encoded)}
    if not known:
        return _encode(body)
    rest = _encode({name: value for name, value in body.items() if name not in known})
    more = ",".join(f'"{name}":{value.text}' for name, value in known.items())
    return f"{rest[:-1]}{',' if rest != '{}' else ''}{more}}}"


def moment(at: datetime) -> Moment:
    """`at` in UTC, to the microsecond only when it has any."""
    return Moment(at.astimezone(UTC).isoformat().replace("+00:00", "Z"))


def moment_or_none(at: datetime | None) -> Moment | None:
    return None if at is None else moment(at)
