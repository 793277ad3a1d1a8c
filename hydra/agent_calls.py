"""The way in for agents: wiring, named in the settings' middleware.

What agents call leaves Django's usual path here, as the API does: no session, no page's
middleware, which together took longer than most answers. An address that agents do not have goes
on to be not found like any other.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from hydra import refusals
from hydra.errors import Refused

BELOW = "/agent/v1/"


class AgentCallMiddleware:
    """Answers what agents call; passes on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(BELOW):
            return self.get_response(request)
        request.get_host()  # a host that is not ours is refused before anything is believed
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        try:
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except Refused as refused:
            response = refusals.refuse(request, refused)
        response["Content-Length"] = str(len(response.content))
        return response
