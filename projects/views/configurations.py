"""A project's configurations: for each file and environment base, override and what they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.models import Environment
from projects import merging
from projects.forms.configurations import OverrideForm
from projects.merging import interpolation
from projects.models import Application, ConfigFile, Override, Project
from projects.services import overrides
from projects.views.finding import attempt, find_project


@dataclass(frozen=True)
class Place:
    """One file of the project in one environment: what the page is about."""

    project: Project
    file: ConfigFile
    environment: Environment
    override: Override | None

    @property
    def text(self) -> str:
        """What may be shown of the override: nothing when it is sensitive."""
        if self.override is None or self.override.is_sensitive:
            return ""
        return self.override.open_content()


@dataclass(frozen=True)
class Line:
    """One line of a file as the page shows it."""

    text: str
    origin: str = "base"


@dataclass(frozen=True)
class Outcome:
    """The merged file as the page shows it; `is_hidden` where it would give a secret away."""

    lines: list[Line] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    is_hidden: bool = False


@require_GET
@member(Right.PROJECT_READ)
def configuration_list(request: OrgRequest, code: str) -> HttpResponse:
    """Files by environments: where the base applies, and where the project overrides it."""
    project = find_project(request, code)
    applications = list(
        Application.objects.in_org(request.org)
        .filter(uses__project=project)
        .prefetch_related("config_files")
    )
    environments = environments_of(project)
    known = {
        (override.config_file_id, override.environment_id): override
        for override in project.overrides.filter(version_pattern="").defer("content_sealed")
    }
    groups = [
        {
            "application": application,
            "rows": [
                {
                    "file": file,
                    "cells": [(place, known.get((file.pk, place.pk))) for place in environments],
                }
                for file in application.config_files.all()
            ],
        }
        for application in applications
    ]
    context = {
        "project": project,
        "groups": groups,
        "environments": environments,
        "tab": "configurations",
    }
    return render_page(request, "projects/configurations.html", context)


@require_http_methods(["GET", "POST"])
@member(Right.PROJECT_READ)
def configuration(request: OrgRequest, code: str, file: str, slug: str) -> HttpResponse:
    """Base, override and merged side by side. POST saves, or with `act=preview` only shows."""
    place = find_place(request, code, file, slug)
    if request.method == "GET":
        is_sensitive = place.override is not None and place.override.is_sensitive
        form = OverrideForm(initial={"text": place.text, "is_sensitive": is_sensitive})
        return show(request, place, form, saved_outcome(place))
    request.access.require(Right.PROJECT_UPDATE, place.project.uid)
    form = OverrideForm(request.POST)
    if form.is_valid():
        if request.POST.get("act") == "preview":
            return show_preview(request, place, form)
        if save(request, place, form):
            return redirect("projects:configuration", request.org.slug, code, place.file.uid, slug)
    return show(request, place, form, saved_outcome(place), status=422)


def save(request: OrgRequest, place: Place, form: OverrideForm) -> bool:
    chosen = form.cleaned_data
    act = partial(
        overrides.save_override,
        place.project,
        config_file=place.file,
        environment=place.environment,
        text=chosen["text"],
        is_sensitive=chosen["is_sensitive"],
        by=request.access.actor,
    )
    if attempt(form, act) is None:
        return False
    messages.success(request, "The override is saved. Deployments from now on get it.")
    return True


def show_preview(request: OrgRequest, place: Place, form: OverrideForm) -> HttpResponse:
    """What the typed override would make; nothing is saved."""
    act = partial(overrides.preview, place.file, form.cleaned_data["text"])
    merged = attempt(form, act)
    if merged is None:
        return show(request, place, form, saved_outcome(place), status=422)
    return show(request, place, form, outcome_of(place.file, merged), is_preview=True)


@require_POST
@member(Right.PROJECT_UPDATE)
def override_delete(request: OrgRequest, code: str, file: str, slug: str) -> HttpResponse:
    place = find_place(request, code, file, slug)
    if place.override is not None:
        overrides.delete_override(place.override, by=request.access.actor)
    messages.success(request, "The override is removed. The base applies here again.")
    return redirect("projects:configuration", request.org.slug, code, file, slug)


def find_place(request: OrgRequest, code: str, file: str, slug: str) -> Place:
    project = find_project(request, code)
    files = ConfigFile.objects.select_related("application__org")
    found = get_object_or_404(files, application__uses__project=project, uid=file)
    environment = get_object_or_404(
        Environment.objects.in_org(request.org).filter(uses__project=project), slug=slug
    )
    override = overrides.find_override(project, config_file=found, environment=environment)
    return Place(project, found, environment, override)


def environments_of(project: Project) -> list[Environment]:
    rows = Environment.objects.in_org(project.org).filter(uses__project=project)
    return list(rows.order_by("position", "pk"))


def saved_outcome(place: Place) -> Outcome:
    """What the saved override makes. A sensitive one would be read off the merged file."""
    if place.override is not None and place.override.is_sensitive:
        return Outcome(is_hidden=True)
    return outcome_of(place.file, overrides.preview(place.file, place.text))


def outcome_of(file: ConfigFile, merged: merging.Merged) -> Outcome:
    texts = merged.text.split("\n")
    if texts and not texts[-1]:
        texts.pop()
    origins = [*merged.lines, *[merging.Origin.BASE] * (len(texts) - len(merged.lines))]
    return Outcome(
        lines=[Line(text, origin) for text, origin in zip(texts, origins, strict=False)],
        removed=[key.path for key in merged.origins if key.origin is merging.Origin.REMOVED],
        references=interpolation.names_in(merged.text, merging.FileType(file.file_type)),
    )


def show(
    request: OrgRequest,
    place: Place,
    form: OverrideForm,
    outcome: Outcome,
    **more: Any,
) -> HttpResponse:
    status = more.pop("status", 200)
    context = {
        "project": place.project,
        "place": place,
        "file": place.file,
        "environment": place.environment,
        "override": place.override,
        "environments": environments_of(place.project),
        "base_lines": [Line(text) for text in place.file.content.splitlines()],
        "outcome": outcome,
        "form": form,
        "error_line": form.error_line,
        "editor_rows": max(12, min(40, place.file.content.count("\n") + 4)),
        "tab": "configurations",
        **more,
    }
    return render_page(request, "projects/configuration.html", context, status=status)
