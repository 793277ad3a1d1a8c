"""Auto-deploy rules, of a project and of the organization, and what each of them started last."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from deployments.models import Deployment
from deployments.views.deploy import find_project
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from projects.forms.fields import ignored
from projects.forms.rules import RuleFilter, SimulatorForm
from projects.models import AutoDeployRule, Project

PER_PAGE = 50


@require_GET
@member(Right.RULE_READ)
def project_rules(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    rules = list(project.rules.with_names().with_life())
    context = {
        "project": project,
        "rules": rules,
        "firings": Deployment.objects.in_org(request.org).newest_by_rule(rules),
        "can_have_rules": project.project_environments.exists()
        and project.project_applications.exists(),
        "tab": "rules",
    }
    return render_page(request, "projects/rules.html", context, partial="rows")


@require_GET
@member(Right.RULE_READ)
def rule_list(request: OrgRequest) -> HttpResponse:
    """All rules over all projects, and the simulator with its answer if it was asked."""
    shown = narrowed(request)
    page = Paginator(shown["rows"], PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": shown["filter"],
        "ignored": ignored(shown["filter"]),
        "page": page,
        "firings": Deployment.objects.in_org(request.org).newest_by_rule(list(page.object_list)),
        "has_rules": AutoDeployRule.objects.in_org(request.org).exists(),
        "has_projects": Project.objects.in_org(request.org).exists(),
        "simulator": SimulatorForm(org=request.org),
    }
    return render_page(request, "projects/rule_list.html", context, partial="rows")


def narrowed(request: OrgRequest) -> dict[str, Any]:
    """The rules that the filters leave; one that makes no sense leaves all."""
    form = RuleFilter(request.GET, org=request.org)
    rows = AutoDeployRule.objects.in_org(request.org).with_names().with_life()
    rows = rows.order_by("project__name", "position", "pk")
    form.is_valid()
    chosen = form.cleaned_data
    if chosen.get("q"):
        words = chosen["q"]
        rows = rows.filter(
            Q(pattern__icontains=words)
            | Q(application__name__icontains=words)
            | Q(project__name__icontains=words)
            | Q(environment__name__icontains=words)
        )
    for name in ("project", "environment"):
        if chosen.get(name):
            rows = rows.filter(**{name: chosen[name]})
    if chosen.get("enabled"):
        rows = rows.filter(is_enabled=True)
    return {"filter": form, "rows": rows}
