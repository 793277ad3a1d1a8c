"""All versions of an application, and where each of them runs now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from deployments.models import Target
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from projects.models import Application, Version
from projects.services.applications import curl_for

PER_PAGE = 50
MOST_PLACES = 8  # of one version, before the rest are only counted


@require_GET
@member(Right.VERSION_READ)
def version_list(request: OrgRequest, code: str) -> HttpResponse:
    """Newest first, narrowed by `q` to a part of name, commit or tag."""
    application = get_object_or_404(Application.objects.in_org(request.org).with_icon(), code=code)
    query = request.GET.get("q", "").strip()[:128]
    rows = application.versions.newest_first()
    if query:
        rows = rows.filter(
            Q(name__icontains=query) | Q(commit__istartswith=query) | Q(tags__icontains=query)
        )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "application": application,
        "page": page,
        "places": places_of(application, list(page.object_list)),
        "query": query,
        "curl": curl_for(application),
        "tab": "versions",
    }
    return render_page(request, "applications/versions.html", context, partial="rows")


def places_of(application: Application, versions: Sequence[Version]) -> dict[int, dict[str, Any]]:
    """Where these versions run now, first stages first: one query, however many there are."""
    running = (
        Target.objects.filter(application=application, current__version__in=list(versions))
        .select_related("project", "environment", "current")
        .order_by("environment__position", "environment_id", "project__name")
    )
    found: dict[int, list[Target]] = {}
    for target in running:
        if target.current is not None:
            found.setdefault(target.current.version_id, []).append(target)
    return {
        version: {"targets": targets[:MOST_PLACES], "more": len(targets[MOST_PLACES:])}
        for version, targets in found.items()
    }
