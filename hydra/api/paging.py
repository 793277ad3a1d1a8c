"""Cursor pages: the next page begins behind the last row shown, however many rows came since.

A cursor is opaque and signed, and holds only for the list that gave it out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from hydra.api.dialects import Pagination
from hydra.errors import Invalid

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAC_BYTES = 12

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True)
class Page(Generic[ModelT]):
    rows: list[ModelT]
    pagination: Pagination


@dataclass(frozen=True)
class Order:
    """Columns of whole numbers that put a list in one order; the last one is unique."""

    columns: tuple[str, ...]
    descends: bool = False

    def behind(self, values: Sequence[int]) -> Q:
        """The rows that come after the one with these values."""
        comparison = "lt" if self.descends else "gt"
        found = Q()
        for place, column in enumerate(self.columns):
            equal = dict(zip(self.columns[:place], values, strict=False))
            found |= Q(**equal, **{f"{column}__{comparison}": values[place]})
        return found

    def of(self, row: Model) -> list[int]:
        return [getattr(row, column) for column in self.columns]

    def spelled(self) -> list[str]:
        return [f"-{column}" if self.descends else column for column in self.columns]


NEWEST_FIRST = Order(("pk",), descends=True)
OLDEST_FIRST = Order(("pk",))
BY_POSITION = Order(("position", "pk"))


def paginate(
    rows: QuerySet[ModelT], *, query: QueryDict, place: str, order: Order = NEWEST_FIRST
) -> Page[ModelT]:
    """The page of `rows` that `limit` and `cursor` ask for. `place` names the list."""
    limit = limit_of(query)
    rows = rows.order_by(*order.spelled())
    if cursor := query.get("cursor"):
        rows = rows.filter(order.behind(open_cursor(cursor, place=place, order=order)))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    more = len(found) > limit
    next_cursor = make_cursor(order.of(shown[-1]), place=place) if more else None
    return Page(shown, Pagination(next_cursor, limit))


def limit_of(query: QueryDict) -> int:
    given = query.get("limit")
    if given is None:
        return DEFAULT_LIMIT
    limit = int(given) if given.isascii() and given.isdigit() and len(given) <= 4 else 0
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid.at("query.limit", f"limit must be a number from 1 to {MAX_LIMIT}.")
    return limit


def make_cursor(values: Sequence[int], *, place: str) -> str:
    told = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(told, place) + told).decode().rstrip("=")


def open_cursor(cursor: str, *, place: str, order: Order) -> list[int]:
    """The values in a cursor that this very list gave out; anything else is refused."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise not_ours() from None
    told = raw[MAC_BYTES:]
    if not hmac.compare_digest(raw[:MAC_BYTES], _mac(told, place)):
        raise not_ours()
    values: list[int] = json.loads(told)
    if len(values) != len(order.columns):
        raise not_ours()
    return values


def _mac(told: bytes, place: str) -> bytes:
    key = hashlib.sha256(b"cursor|" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, place.encode() + b"|" + told, "sha256")[:MAC_BYTES]


def not_ours() -> Invalid:
    """The refusal of a cursor that the list did not give out."""
    return Invalid.at(
        "query.cursor", "This cursor is not one of this list.", "Begin again without a cursor."
    )
