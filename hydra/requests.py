"""The request id: given to every request, bound to its log lines and returned in `X-Request-Id`.

It is always ours, because it ends up in the audit log: a caller could otherwise make two requests
look like one. An id that the caller sent is bound to the log lines beside it. An answer that is
given again keeps the id that it was first given under.
"""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from hydra.keys import new_uid

HEADER = "X-Request-Id"
_ACCEPTABLE = re.compile(r"[0-9A-Za-z_.:-]{1,100}")


def new_request_id() -> str:
    return new_uid("req")


def request_id_of(request: HttpRequest) -> str:
    """The id of `request`, the same however often it is asked for."""
    known: str | None = getattr(request, "request_id", None)
    if known is None:
        known = new_request_id()
        request.request_id = known  # type: ignore[attr-defined]  # ours, on Django's class
    return known


def is_hostile(request: HttpRequest) -> bool:
    """Whether a page's address holds a NUL, which no database takes. The API says so itself."""
    query = request.META.get("QUERY_STRING", "")
    is_page = not request.path_info.startswith(("/api/", "/v1/", "/v2/"))
    return is_page and ("\0" in request.path_info or "%00" in query)


class RequestIdMiddleware:
    """Outermost, so that whatever is logged or refused further in carries the id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        bound = {"request_id": request_id_of(request)}
        if is_hostile(request):
            refused = HttpResponse("This address cannot be read.\n", status=400)
            refused["Content-Type"] = "text/plain; charset=utf-8"
            refused[HEADER] = bound["request_id"]
            return refused
        offered = request.headers.get(HEADER, "")
        if _ACCEPTABLE.fullmatch(offered):
            bound["callers_request_id"] = offered
        with structlog.contextvars.bound_contextvars(**bound):
            response = self.get_response(request)
        response.setdefault(HEADER, bound["request_id"])
        return response
