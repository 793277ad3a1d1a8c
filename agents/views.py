"""The pages of agents."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from agents import services
from agents.forms import AgentForm
from agents.models import Agent, Presence
from agents.program.pack import build_pyz
from agents.protocol import DOWNLOAD
from billing.services import PlanLimit
from hydra.errors import Conflict
from hydra.htmx import paged, render_page
from orgs.access import OrgRequest, Right, member


@cache
def program() -> tuple[bytes, str]:
    """The agent as one file, and its SHA-256; the same bytes from every process."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "hydra-agent.pyz"
        digest = build_pyz(place)
        return place.read_bytes(), digest


@require_GET
@login_not_required
def download(_request: HttpRequest) -> HttpResponse:
    """For everybody: a server that is to become an agent has no session."""
    content, digest = program()
    response = HttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="hydra-agent.pyz"'
    response["ETag"] = f'"{digest}"'
    return response


@require_GET
@login_not_required
def checksum(_request: HttpRequest) -> HttpResponse:
    """As `sha256sum --check` reads it."""
    return HttpResponse(f"{program()[1]}  hydra-agent.pyz\n", content_type="text/plain")


@require_GET
@member(Right.AGENT_READ)
def agent_list(request: OrgRequest) -> HttpResponse:
    agents = Agent.objects.in_org(request.org).live()
    offline = agents.filter(presence=Presence.OFFLINE).count()
    context = {
        "page": paged(request, agents.with_uses()),
        "offline": f"{offline} offline" if offline else "",
    }
    return render_page(request, "agents/list.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.AGENT_WRITE)
def agent_create(request: OrgRequest) -> HttpResponse:
    """The answer itself shows the key, because nothing keeps it until another page asks."""
    form = AgentForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return show_form(request, form)
    try:
        agent, key = services.create_agent(
            request.org, name=form.cleaned_data["name"], by=request.access.actor
        )
    except (Conflict, PlanLimit) as refused:
        form.add_error("name", refused.message)
        return show_form(request, form)
    context = {
        "agent": agent,
        "key": key,
        "server": settings.HYDRA_URL,
        "download": settings.HYDRA_URL + DOWNLOAD,
    }
    return render_page(request, "agents/created.html", context)


@require_http_methods(["GET", "POST"])
@member(Right.AGENT_WRITE)
def agent_revoke(request: OrgRequest, uid: str) -> HttpResponse:
    agents = Agent.objects.in_org(request.org).live().with_uses()
    agent = get_object_or_404(agents, uid=uid)
    if request.method == "POST":
        services.revoke_agent(agent, by=request.access.actor)
        messages.success(request, f"{agent} is revoked: its key is worth nothing any more.")
        return redirect("agents:list", request.org.slug)
    return render_page(request, "agents/revoke.html", {"agent": agent}, partial="dialog")


def show_form(request: OrgRequest, form: AgentForm) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render_page(request, "agents/new.html", {"form": form}, status=status)
