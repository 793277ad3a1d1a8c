"""The request id: given to every request, bound to its log lines and returned in `X-Request-Id`."""

import re
import secrets
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-Id"
_ACCEPTABLE = re.compile(r"[0-9A-Za-z_.:-]{8,100}")


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def request_id_of(request: HttpRequest) -> str:
    """The id of `request`; the one its caller named if that looks like an id."""
    known: str | None = getattr(request, "request_id", None)
    return known if known is not None else identify(request.headers.get(HEADER, ""))


def identify(offered: str) -> str:
    return offered if _ACCEPTABLE.fullmatch(offered) else new_request_id()


class RequestIdMiddleware:
    """Outermost, so that whatever is logged or refused further in carries the id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = identify(request.headers.get(HEADER, ""))
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, on Django's class
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response[HEADER] = request_id
        return response
