"""Answers a `Refused` that a page or an agent's call raised; the API faces answer their own."""

import json
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from hydra.errors import DatabaseAway, Refused
from hydra.requests import request_id_of

# Programs ask below these; everything else is read by people.
FOR_PROGRAMS = ("/agent/", "/live/", "/api/", "/v1/", "/v2/")


class RefusalMiddleware:
    """Innermost: the view's refusal becomes the answer that its caller understands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal; anything else is a bug and goes on to the error tracker."""
        return refuse(request, error) if isinstance(error, Refused) else None


def refuse(request: HttpRequest, refused: Refused) -> HttpResponse:
    response = answer(request, refused)
    if refused.retry_after_seconds is not None:
        response["Retry-After"] = str(refused.retry_after_seconds)
    return response


def come_again(request: HttpRequest) -> HttpResponse:
    """What is said while the database is away, without asking it for anything."""
    away = DatabaseAway()
    if request.path.startswith(FOR_PROGRAMS):
        response = for_program(request, away)
    elif request.headers.get("HX-Request") == "true":
        response = for_htmx(away)
    else:
        response = HttpResponse(
            render_to_string("503.html", {"request": request}), status=away.status
        )
    response["Retry-After"] = str(away.retry_after_seconds)
    return response


def answer(request: HttpRequest, refused: Refused) -> HttpResponse:
    if request.path.startswith(FOR_PROGRAMS):
        return for_program(request, refused)
    if request.headers.get("HX-Request") == "true":
        return for_htmx(refused)
    return for_browser(request, refused)


def for_program(request: HttpRequest, refused: Refused) -> HttpResponse:
    body = {
        "error": refused.message,
        "code": refused.code,
        "request_id": request_id_of(request),
    }
    if refused.details:
        return JsonResponse({**body, "details": refused.details}, status=refused.status)
    return JsonResponse(body, status=refused.status)


def for_htmx(refused: Refused) -> HttpResponse:
    """Nothing on the page is replaced; the page's script shows the message as a toast."""
    response = HttpResponse(refused.message, status=refused.status, content_type="text/plain")
    response["HX-Reswap"] = "none"
    response["HX-Trigger"] = json.dumps({"toast": {"kind": "error", "message": refused.message}})
    return response


def for_browser(request: HttpRequest, refused: Refused) -> HttpResponse:
    """After a form: back to where it was sent from, with the message. Otherwise a page of its own.

    Not to be found and not allowed are always pages: going back would look like success.
    """
    back = request.headers.get("Referer", "")
    is_rule = refused.status not in {403, 404}
    if request.method == "POST" and is_rule and is_ours(request, back):
        messages.error(request, refused.message)
        return HttpResponseRedirect(back)
    return render(request, "refused.html", {"refused": refused}, status=refused.status)


def is_ours(request: HttpRequest, address: str) -> bool:
    return bool(address) and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
