"""A page and its fragments share one template; this chooses which of them to send."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

RowT = TypeVar("RowT", bound=Model)


class HtmxRequest(HttpRequest):
    """A request as the middleware of django-htmx leaves it."""

    htmx: HtmxDetails


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    partial: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page, or for htmx the block of the same template that `partial` names.

    A boosted link and the back button want the whole page, although htmx fetches it. `Vary`, so
    that no cache ever shows a fragment as a page. The template knows as `is_dialog` which of them
    it is: a page has its heading already.
    """
    wants_fragment = partial and wants_fragments(request)
    name = f"{template}#{partial}" if wants_fragment else template
    told = {**(context or {}), "is_dialog": bool(wants_fragment)}
    response = render(request, name, told, status=status)
    patch_vary_headers(response, ["HX-Request"])
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def typed(request: HttpRequest) -> QueryDict | None:
    """What was sent, for a form to be filled with; None unless something was, be it nothing."""
    return request.POST if request.method == "POST" else None


def paged(request: HttpRequest, rows: QuerySet[RowT], *, per_page: int = 50) -> Page[RowT]:
    """The page of a list that the address asks for; an impossible one is the nearest there is."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def wants_fragments(request: HttpRequest) -> bool:
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    if not htmx:
        return False
    return not htmx.boosted and not htmx.history_restore_request
