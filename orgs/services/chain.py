"""The arithmetic of the hash chain: an event's bytes, its seal, the code of a head. No database.

A seal is an HMAC over the seal before it and over every stored column of its event, so that no
row can be changed, taken out or put in without a seal that no longer fits.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

# All that an event stores, but its own seal and the outbox' mark, which changes when it is sent.
COLUMNS: Final = (
    "id",
    "uid",
    "org_id",
    "sequence",
    "verb",
    "actor_kind",
    "actor_uid",
    "actor_label",
    "subject_kind",
    "subject_uid",
    "subject_label",
    "data",
    "request_id",
    "address",
    "created_at",
)
KEY_BYTES: Final = 32

_encode = json.JSONEncoder(
    ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def canonical(event: Mapping[str, Any]) -> bytes:
    """The event's columns as bytes that are the same on every database."""
    return _encode({column: plain(event[column]) for column in COLUMNS}).encode("ascii")


def plain(value: Any) -> Any:
    """`value` as every database gives it back: PostgreSQL keeps 1e2 as 100, SQLite as 100.0."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def seal_of(event: Mapping[str, Any], *, previous: str, key: bytes) -> str:
    """The link of the chain that `event` is, behind the event whose seal is `previous`."""
    told = b"\n".join((b"hydra event 1", previous.encode("ascii"), canonical(event)))
    return hmac.digest(key, told, "sha256").hex()


def code_of_head(*, org: str, sequence: int, head: str, key: bytes) -> str:
    """What shows that the head of a chain was written by who has its key."""
    told = f"hydra head 1\n{org}\n{sequence}\n{head}".encode()
    return hmac.digest(key, told, "sha256").hex()
