"""A project's configurations: for each file and environment base, override and what they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
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

NEW = "new"


@dataclass(frozen=True)
class Place:
    """One file of the project in one environment: what the page is about."""

    project: Project
    file: ConfigFile
    environment: Environment
    override: Override | None
    variants: list[Override]

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
    known: dict[tuple[int, int], list[Override]] = {}
    for override in project.overrides.defer("content_sealed"):
        place = (override.config_file_id, override.environment_id)
        known.setdefault(place, []).append(override)
    groups = [
        {
            "application": application,
            "rows": [
                {
                    "file": file,
                    "cells": [
                        (stage, known.get((file.pk, stage.pk), [])) for stage in environments
                    ],
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
        return show(request, place, OverrideForm(initial=initial_of(place)), saved_outcome(place))
    request.access.require(Right.PROJECT_UPDATE, place.project.uid)
    form = OverrideForm(request.POST)
    if form.is_valid():
        if request.POST.get("act") == "preview":
            return show_preview(request, place, form)
        saved = save(request, place, form)
        if saved is not None:
            return redirect(address_of(request, place, saved))
    return show(request, place, form, saved_outcome(place), status=422)


def initial_of(place: Place) -> dict[str, Any]:
    if place.override is None:
        return {}
    return {
        "text": place.text,
        "is_sensitive": place.override.is_sensitive,
        "version_pattern": place.override.version_pattern,
    }


def address_of(request: OrgRequest, place: Place, override: Override) -> str:
    """The page of one variant; that for every version needs no name."""
    facts = [request.org.slug, place.project.code, place.file.uid, place.environment.slug]
    chosen = f"?variant={override.uid}" if override.version_pattern else ""
    return reverse("projects:configuration", args=facts) + chosen


def save(request: OrgRequest, place: Place, form: OverrideForm) -> Override | None:
    """What is changed keeps its pattern; what is made takes the place of no other."""
    chosen, existing = form.cleaned_data, place.override
    act = partial(
        overrides.save_override,
        place.project,
        config_file=place.file,
        environment=place.environment,
        text=chosen["text"],
        is_sensitive=chosen["is_sensitive"],
        version_pattern=existing.version_pattern if existing else chosen["version_pattern"],
        is_new=existing is None,
        by=request.access.actor,
    )
    saved = attempt(form, act)
    if saved is not None:
        messages.success(request, "The override is saved. Deployments from now on get it.")
    return saved


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
    left = "What is left" if len(place.variants) > 1 else "The base"
    messages.success(request, f"The override is removed. {left} applies here again.")
    return redirect("projects:configuration", request.org.slug, code, file, slug)


def find_place(request: OrgRequest, code: str, file: str, slug: str) -> Place:
    project = find_project(request, code)
    files = ConfigFile.objects.select_related("application__org")
    found = get_object_or_404(files, application__uses__project=project, uid=file)
    environment = get_object_or_404(
        Environment.objects.in_org(request.org).filter(uses__project=project), slug=slug
    )
    variants = list(overrides.variants_of(project, config_file=found, environment=environment))
    return Place(project, found, environment, chosen_among(request, variants), variants)


def chosen_among(request: OrgRequest, variants: list[Override]) -> Override | None:
    """The variant that the address names, else the one for every version; `new` is none yet."""
    named = request.GET.get("variant", "")
    if named == NEW:
        return None
    if not named:
        return next((each for each in variants if not each.version_pattern), None)
    found = next((each for each in variants if each.uid == named), None)
    if found is None:
        raise Http404
    return found


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
        "has_patterns": any(each.version_pattern for each in place.variants),
        "variant": request.GET.get("variant", ""),
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
