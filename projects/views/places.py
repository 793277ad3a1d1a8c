"""Where a project goes: its environments and agents."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents.models import Agent
from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from orgs.models import Environment
from projects.forms.projects import AddEnvironmentForm, LinkAgentForm, UrlForm
from projects.models import Project
from projects.services import projects
from projects.views.finding import attempt, find_project


@require_GET
@member(Right.PROJECT_READ)
def environment_list(request: OrgRequest, code: str) -> HttpResponse:
    return show_environments(request, find_project(request, code))


@require_POST
@member(Right.PROJECT_UPDATE)
def environment_add(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    form = AddEnvironmentForm(request.POST, project=project)
    if form.is_valid():
        add = partial(
            projects.add_environment, project, **form.cleaned_data, by=request.access.actor
        )
        added = attempt(form, add)
        if added is not None:
            messages.success(request, f"{project} uses {added.environment} now.")
            return redirect("projects:environments", request.org.slug, project.code)
    return show_environments(request, project, form)


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_UPDATE)
def environment_edit(request: OrgRequest, code: str, slug: str) -> HttpResponse:
    """Where the project is reached there."""
    project = find_project(request, code)
    link = get_object_or_404(
        project.project_environments.select_related("environment"), environment__slug=slug
    )
    form = UrlForm(typed(request), initial={"url": link.url})
    if form.is_valid():
        change = partial(
            projects.set_environment_url,
            project,
            environment=link.environment,
            url=form.cleaned_data["url"],
            by=request.access.actor,
        )
        if attempt(form, change) is not None:
            messages.success(request, f"The URL of {link.environment} is saved.")
            return redirect("projects:environments", request.org.slug, project.code)
    context = {"project": project, "link": link, "form": form, "tab": "environments"}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "projects/environment_edit.html", context, partial="dialog", status=status
    )


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_UPDATE)
def environment_remove(request: OrgRequest, code: str, slug: str) -> HttpResponse:
    """Ask on GET, saying what it means; do it on POST."""
    project = find_project(request, code)
    environment = get_object_or_404(
        Environment.objects.in_org(request.org).filter(uses__project=project), slug=slug
    )
    if request.method == "POST":
        projects.remove_environment(project, environment=environment, by=request.access.actor)
        messages.success(request, f"{project} no longer uses {environment}.")
        return redirect("projects:environments", request.org.slug, project.code)
    context = {
        "project": project,
        "environment": environment,
        "rule_count": project.rules.filter(environment=environment).count(),
        "agent_count": project.project_agents.filter(environment=environment).count(),
        "tab": "environments",
    }
    return render_page(request, "projects/environment_remove.html", context, partial="dialog")


def show_environments(
    request: OrgRequest, project: Project, form: forms.Form | None = None
) -> HttpResponse:
    links = project.project_environments.select_related("environment")
    agents = list(project.project_agents.select_related("agent"))
    rows = [
        {
            "link": link,
            "agents": {
                use.agent for use in agents if use.environment_id in (None, link.environment_id)
            },
        }
        for link in links
    ]
    context = {
        "project": project,
        "rows": rows,
        "form": form or AddEnvironmentForm(project=project),
        "tab": "environments",
    }
    return render_page(request, "projects/environments.html", context, status=422 if form else 200)


@require_GET
@member(Right.PROJECT_READ)
def agent_list(request: OrgRequest, code: str) -> HttpResponse:
    return show_agents(request, find_project(request, code))


@require_POST
@member(Right.PROJECT_UPDATE)
def agent_link(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    form = LinkAgentForm(request.POST, project=project)
    if form.is_valid():
        link = partial(projects.link_agent, project, **form.cleaned_data, by=request.access.actor)
        linked = attempt(form, link)
        if linked is not None:
            messages.success(request, f"{linked.agent} takes the jobs of {project} now.")
            return redirect("projects:agents", request.org.slug, project.code)
    return show_agents(request, project, form)


@require_POST
@member(Right.PROJECT_UPDATE)
def agent_unlink(request: OrgRequest, code: str) -> HttpResponse:
    """Undo the link that the fields `agent` (uid) and `environment` (slug or empty) name."""
    project = find_project(request, code)
    agent = get_object_or_404(Agent.objects.in_org(request.org), uid=request.POST.get("agent", ""))
    slug = request.POST.get("environment", "")
    environment = (
        get_object_or_404(Environment.objects.in_org(request.org), slug=slug) if slug else None
    )
    projects.unlink_agent(project, agent=agent, environment=environment, by=request.access.actor)
    messages.success(request, f"{agent} takes no more jobs of {project} there.")
    return redirect("projects:agents", request.org.slug, project.code)


def show_agents(
    request: OrgRequest, project: Project, form: forms.Form | None = None
) -> HttpResponse:
    context = {
        "project": project,
        "links": project.project_agents.select_related("agent", "environment"),
        "form": form or LinkAgentForm(project=project),
        "has_agents": Agent.objects.in_org(request.org).live().exists(),
        "tab": "agents",
    }
    return render_page(request, "projects/agents.html", context, status=422 if form else 200)
