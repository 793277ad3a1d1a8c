"""A project's variables, with those of the organization that reach it."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from projects.forms.configurations import ValueForm, VariableForm
from projects.models import Project, Variable, VariableQuerySet
from projects.services import variables
from projects.views.finding import attempt, find_project


@require_GET
@member(Right.PROJECT_READ)
def variable_list(request: OrgRequest, code: str) -> HttpResponse:
    return show(request, find_project(request, code))


@require_POST
@member(Right.PROJECT_UPDATE)
def variable_add(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    form = VariableForm(request.POST, project=project)
    if form.is_valid():
        chosen = form.cleaned_data
        add = partial(
            variables.add_variable,
            request.org,
            project=None if chosen["reach"] == "organization" else project,
            environment=chosen["environment"],
            key=chosen["key"],
            value=chosen["value"],
            is_sensitive=chosen["is_sensitive"],
            by=request.access.actor,
        )
        if attempt(form, add) is not None:
            messages.success(request, f"{chosen['key']} is saved.")
            return redirect("projects:variables", request.org.slug, project.code)
    return show(request, project, form)


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_UPDATE)
def variable_edit(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """A new value. What is sensitive is not shown, so its field begins empty."""
    project = find_project(request, code)
    variable = find_variable(project, uid)
    start = {
        "value": "" if variable.is_sensitive else variable.open_value(),
        "is_sensitive": variable.is_sensitive,
    }
    form = ValueForm(typed(request), initial=start)
    if form.is_valid():
        replace = partial(
            variables.set_variable,
            request.org,
            project=variable.project,
            environment=variable.environment,
            key=variable.key,
            **form.cleaned_data,
            by=request.access.actor,
        )
        if attempt(form, replace) is not None:
            messages.success(request, f"{variable} is saved. Deployments from now on get it.")
            return redirect("projects:variables", request.org.slug, project.code)
    context = {"project": project, "variable": variable, "form": form, "tab": "variables"}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "projects/variable_edit.html", context, partial="dialog", status=status
    )


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_UPDATE)
def variable_delete(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """Ask on GET; do it on POST."""
    project = find_project(request, code)
    variable = find_variable(project, uid)
    if request.method == "POST":
        variables.delete_variable(variable, by=request.access.actor)
        messages.success(request, f"{variable} is deleted.")
        return redirect("projects:variables", request.org.slug, project.code)
    context = {"project": project, "variable": variable, "tab": "variables"}
    return render_page(request, "projects/variable_delete.html", context, partial="dialog")


def reaching(project: Project) -> VariableQuerySet:
    """The project's own and the organization's, joined with what the list shows."""
    rows = Variable.objects.in_org(project.org).filter(Q(project=None) | Q(project=project))
    return rows.select_related("org", "project", "environment")


def find_variable(project: Project, uid: str) -> Variable:
    return get_object_or_404(reaching(project), uid=uid)


def show(request: OrgRequest, project: Project, form: forms.Form | None = None) -> HttpResponse:
    rows = reaching(project).order_by("key", "project_id", "environment__position")
    context = {
        "project": project,
        "variables": [
            {"row": row, "value": "" if row.is_sensitive else row.open_value()} for row in rows
        ],
        "form": form or VariableForm(project=project),
        "tab": "variables",
    }
    return render_page(request, "projects/variables.html", context, status=422 if form else 200)
