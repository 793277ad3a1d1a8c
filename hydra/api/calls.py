"""One call of the API: the request, and what the gate has found out about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from hydra.api import parsing
from hydra.api.dialects import Native
from hydra.api.faults import BodyTooLarge, LengthRequired
from hydra.api.limits import Standing


@dataclass
class Call:
    """What the gate keeps of a request while it is answered."""

    request: HttpRequest
    dialect: Native
    request_id: str
    standing: Standing | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def body(self) -> bytes:
        """The raw body, refused before it is read when it is too large."""
        if self.request.headers.get("Transfer-Encoding"):
            raise LengthRequired("Send the body with a Content-Length, not in chunks.")
        length = self.request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > parsing.MAX_BYTES:
            raise BodyTooLarge.over(parsing.MAX_BYTES)
        return self.request.body

    @cached_property
    def sent(self) -> dict[str, Any]:
        """The JSON object that was sent."""
        return parsing.parse_object(self.body)
