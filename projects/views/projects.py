"""Projects: the list, a new one, its settings. What runs where is a page of `deployments`."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from projects.forms.icons import IconForm
from projects.forms.projects import (
    ConnectForm,
    ProjectForm,
    ProjectSettingsForm,
    TypedNameForm,
)
from projects.models import Application, Project
from projects.services import naming, projects
from projects.views.finding import attempt, find_project


@require_GET
@member(Right.PROJECT_READ)
def project_list(request: OrgRequest) -> HttpResponse:
    """Cards, narrowed by `q` to names and codes."""
    query = request.GET.get("q", "").strip()[:100]
    rows = (
        Project.objects.in_org(request.org)
        .with_icon()
        .annotate(application_count=Count("project_applications", distinct=True))
        .prefetch_related("project_environments__environment")
        .order_by("name", "pk")  # counting drops the model's own order
    )
    if query:
        rows = rows.filter(Q(name__icontains=query) | Q(code__icontains=query))
    context = {"projects": rows, "query": query}
    return render_page(request, "projects/list.html", context, partial="cards")


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_CREATE)
def project_create(request: OrgRequest) -> HttpResponse:
    form = ProjectForm(typed(request), org=request.org)
    if form.is_valid():
        chosen = form.cleaned_data
        code = chosen["code"] or suggested_code(request, chosen["name"])
        create = partial(
            projects.create_project,
            request.org,
            **{**chosen, "code": code},
            by=request.access.actor,
        )
        project = attempt(form, create)
        if project is not None:
            messages.success(request, f"{project} is made. Give it applications and agents next.")
            return redirect("deployments:project", request.org.slug, project.code)
    status = 422 if form.is_bound else 200
    return render_page(request, "projects/new.html", {"form": form}, status=status)


def suggested_code(request: OrgRequest, name: str) -> str:
    taken = set(Project.objects.in_org(request.org).values_list("code", flat=True))
    return naming.suggest_code(name, taken=taken, fallback="project")


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_READ)
def project_settings(request: OrgRequest, code: str) -> HttpResponse:
    """Name, code, description; which applications; and the way out."""
    project = find_project(request, code)
    if request.method == "GET":
        return show_settings(request, project)
    request.access.require(Right.PROJECT_UPDATE, project.uid)
    form = ProjectSettingsForm(request.POST)
    if form.is_valid():
        changes = projects.ProjectChanges(**form.cleaned_data)  # type: ignore[typeddict-item]  # the form has exactly these
        update = partial(projects.update_project, project, changes=changes, by=request.access.actor)
        changed = attempt(form, update)
        if changed is not None:
            messages.success(request, "The settings are saved.")
            return redirect("projects:settings", request.org.slug, changed.code)
    return show_settings(request, project, form=form)


@require_POST
@member(Right.PROJECT_DELETE)
def project_delete(request: OrgRequest, code: str) -> HttpResponse:
    """Delete the project whose name was typed."""
    project = find_project(request, code)
    form = TypedNameForm(request.POST, name=project.name)
    if form.is_valid() and attempt(form, partial(is_deleted, project, request=request)):
        messages.success(request, f"{project} is deleted.")
        return redirect("projects:list", request.org.slug)
    return show_settings(request, project, deletion=form)


def is_deleted(project: Project, *, request: OrgRequest) -> bool:
    projects.delete_project(project, by=request.access.actor)
    return True


@require_POST
@member(Right.PROJECT_UPDATE)
def application_connect(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    form = ConnectForm(request.POST, project=project)
    if form.is_valid():
        application = form.cleaned_data["application"]
        connect = partial(
            projects.connect_application,
            project,
            application=application,
            by=request.access.actor,
        )
        if attempt(form, connect) is not None:
            messages.success(request, f"{application} is part of {project} now.")
            return redirect("projects:settings", request.org.slug, project.code)
    return show_settings(request, project, connection=form)


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_UPDATE)
def application_disconnect(request: OrgRequest, code: str, application: str) -> HttpResponse:
    """Ask on GET, saying what goes with it; do it on POST."""
    project = find_project(request, code)
    leaving = get_object_or_404(
        Application.objects.in_org(request.org).filter(uses__project=project), code=application
    )
    if request.method == "POST":
        projects.disconnect_application(project, application=leaving, by=request.access.actor)
        messages.success(request, f"{leaving} is no longer part of {project}.")
        return redirect("projects:settings", request.org.slug, project.code)
    context = {
        "project": project,
        "application": leaving,
        "rule_count": project.rules.filter(application=leaving).count(),
        "override_count": project.overrides.filter(config_file__application=leaving).count(),
        "tab": "settings",
    }
    return render_page(request, "projects/disconnect.html", context, partial="dialog")


def show_settings(request: OrgRequest, project: Project, **refused: forms.Form) -> HttpResponse:
    """The page, with the form that was refused, if one was, as it was typed."""
    kept = {"name": project.name, "code": project.code, "description": project.description}
    forms_of_page = {
        "form": ProjectSettingsForm(initial=kept),
        "icon_form": IconForm(),
        "deletion": TypedNameForm(name=project.name),
        "connection": ConnectForm(project=project),
    }
    context = {
        "project": project,
        **forms_of_page,
        **refused,
        "applications": Application.objects.in_org(request.org).filter(uses__project=project),
        "tab": "settings",
    }
    return render_page(request, "projects/settings.html", context, status=422 if refused else 200)
