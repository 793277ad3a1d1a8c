"""The four dialects: how each face words success, a list and a fault. Nothing of the domain.

A face speaks as the system it was written after, so that a client of that system works here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings

from hydra.api.faults import Fault

Body = dict[str, Any]


@dataclass(frozen=True)
class Pagination:
    """Where a list goes on."""

    next_cursor: str | None
    limit: int

    def shown(self) -> Body:
        has_more = self.next_cursor is not None
        return {"hasMore": has_more, "nextCursor": self.next_cursor, "limit": self.limit}


class Native:
    """After Deploxa: `{"data": …}`, and the error is a sentence."""

    name = "native"
    takes_key_anywhere = False

    def success(self, shown: Any, _request_id: str) -> Body:
        return {"data": shown}

    def listing(self, rows: Sequence[Any], pagination: Pagination, _request_id: str) -> Body:
        return {"data": rows, "pagination": pagination.shown()}

    def fault(self, fault: Fault, request_id: str) -> Body:
        return {
            "error": fault.message,
            "code": fault.code,
            "request_id": request_id,
            "details": list(fault.details),
        }


class Externals(Native):
    """Hydra's own external API: the bare object. The key may stand in the body or the address."""

    name = "externals"
    takes_key_anywhere = True

    def success(self, shown: Any, _request_id: str) -> Body:
        body: Body = shown
        return body


class Rpc(Native):
    """After Unkey: every answer has `meta.requestId`, errors list what is wrong where."""

    name = "rpc"

    def success(self, shown: Any, request_id: str) -> Body:
        return {"meta": {"requestId": request_id}, "data": shown}

    def fault(self, fault: Fault, request_id: str) -> Body:
        error = {
            "title": HTTPStatus(fault.status).phrase,
            "detail": fault.message,
            "status": int(fault.status),
            "type": f"{settings.HYDRA_URL}/api/docs/#error-{fault.code}",
            "errors": list(fault.details),
        }
        return {"meta": {"requestId": request_id}, "error": error}


class KeyCheck(Native):
    """After HookDeploy: an error is a code and a message."""

    name = "key check"

    def fault(self, fault: Fault, _request_id: str) -> Body:
        return {"error": {"code": fault.code, "message": fault.message}}


NATIVE = Native()
PAGES = ("/api/docs/", "/api/schema/")  # about the API, and not of it
FACES: tuple[tuple[str, Native], ...] = (
    ("/api/externals/", Externals()),
    ("/api/", NATIVE),
    ("/v1/", KeyCheck()),
    ("/v2/", Rpc()),
)


def dialect_of(path: str) -> Native | None:
    """The dialect spoken at `path`; None where no face of the API is."""
    if path.startswith(PAGES):
        return None
    return next((dialect for prefix, dialect in FACES if path.startswith(prefix)), None)
