"""What runs where over all projects, and what needs somebody."""

from __future__ import annotations

from datetime import timedelta

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET

from agents.models import Agent, Presence
from deployments.models import Deployment, State
from deployments.views import matrix, pace
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.models import Environment
from projects.models import Project, ProjectEnvironment

PROJECTS_PER_PAGE = 10  # with twenty applications each that is a thousand cells
ATTENTION_ROWS = 10
NEEDS_SOMEBODY = (State.FAILED, State.UNKNOWN)
WAITS = (State.SCHEDULED, State.AWAITING_APPROVAL, State.HELD, State.QUEUED)


@require_GET
@member(Right.PROJECT_READ)
def overview(request: OrgRequest) -> HttpResponse:
    """The first page: state before decoration. The figures are counted only where they show."""
    projects = Project.objects.in_org(request.org).order_by("name", "pk")
    page = Paginator(projects, PROJECTS_PER_PAGE).get_page(request.GET.get("page"))
    environments = used_environments(request)
    figures = SimpleLazyObject(lambda: pace.last_month(request.org))
    attention = needing_attention(request)
    context = {
        "page": page,
        "environments": environments,
        "groups": matrix.build(list(page.object_list), environments),
        "attention": attention,
        "broken": sum(deployment.is_finished for deployment in attention),
        "waiting": sum(not deployment.is_finished for deployment in attention),
        "offline": list(
            Agent.objects.in_org(request.org).live().filter(presence=Presence.OFFLINE)[:5]
        ),
        "pace": figures,
        "pace_rows": SimpleLazyObject(lambda: pace.by_day(list(figures))),
    }
    return render_page(request, "deployments/overview.html", context, partial="live")


def used_environments(request: OrgRequest) -> list[Environment]:
    """Those that some project uses, in the organization's order."""
    used = ProjectEnvironment.objects.filter(project__org=request.org).values("environment")
    return list(Environment.objects.in_org(request.org).filter(pk__in=used))


def needing_attention(request: OrgRequest) -> list[Deployment]:
    """What failed and was not followed by anything, and what waits, newest first."""
    deployments = Deployment.objects.in_org(request.org).with_names()
    deployments = deployments.select_related("target__head__version")
    week_ago = timezone.now() - timedelta(days=7)
    broken = deployments.in_few(NEEDS_SOMEBODY).filter(resolution="", created_at__gt=week_ago)
    broken = broken.order_by("-pk")
    waiting = deployments.in_few(WAITS).order_by("-pk")
    still_broken = [d for d in broken[: 4 * ATTENTION_ROWS] if d.target.latest_id == d.pk]
    return (still_broken + list(waiting[:ATTENTION_ROWS]))[:ATTENTION_ROWS]
