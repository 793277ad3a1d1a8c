"""Applications: the list, a new one, overview, versions, deploy script, settings."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from projects.forms.applications import (
    ApplicationSettingsForm,
    BlockForm,
    DeployScriptForm,
)
from projects.forms.fields import NewForm
from projects.forms.icons import IconForm
from projects.forms.projects import TypedNameForm
from projects.models import Application, ApplicationQuerySet, Project, Version
from projects.services import applications, naming, versions
from projects.views.finding import attempt, find_application

RECENT_VERSIONS = 5


def with_latest(rows: ApplicationQuerySet) -> ApplicationQuerySet:
    """With name and time of the newest version, and the number of projects."""
    newest = Version.objects.newest_first().filter(application=OuterRef("pk"))
    return rows.annotate(
        latest_name=Subquery(newest.values("name")[:1]),
        latest_at=Subquery(newest.values("created_at")[:1]),
        project_count=Count("uses", distinct=True),
    )


@require_GET
@member(Right.APPLICATION_READ)
def application_list(request: OrgRequest) -> HttpResponse:
    """Cards, narrowed by `q` to names and codes."""
    query = request.GET.get("q", "").strip()[:100]
    rows = with_latest(Application.objects.in_org(request.org).with_icon())
    if query:
        rows = rows.filter(Q(name__icontains=query) | Q(code__icontains=query))
    context = {"applications": rows, "query": query}
    return render_page(request, "applications/list.html", context, partial="cards")


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_CREATE)
def application_create(request: OrgRequest) -> HttpResponse:
    form = NewForm(typed(request))
    if form.is_valid():
        chosen = form.cleaned_data
        code = chosen["code"] or suggested_code(request, chosen["name"])
        create = partial(
            applications.create_application,
            request.org,
            **{**chosen, "code": code},
            by=request.access.actor,
        )
        application = attempt(form, create)
        if application is not None:
            messages.success(request, f"{application} is made. Say next what its steps do.")
            return redirect("projects:application", request.org.slug, application.code)
    status = 422 if form.is_bound else 200
    return render_page(request, "applications/new.html", {"form": form}, status=status)


def suggested_code(request: OrgRequest, name: str) -> str:
    taken = set(Application.objects.in_org(request.org).values_list("code", flat=True))
    return naming.suggest_code(name, taken=taken, fallback="application")


@require_GET
@member(Right.APPLICATION_READ)
def application_overview(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    context = {
        "application": application,
        "versions": application.versions.newest_first()[:RECENT_VERSIONS],
        "projects": Project.objects.in_org(request.org).filter(
            project_applications__application=application
        ),
        "counts": {
            "versions": application.versions.count(),
            "files": application.config_files.count(),
            "steps": application.steps.count(),
        },
        "curl": applications.curl_for(application),
        "tab": "overview",
    }
    return render_page(request, "applications/overview.html", context)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def version_block(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """Keep a version from being deployed, with a reason; an empty reason lifts it."""
    application = find_application(request, code)
    version = get_object_or_404(application.versions.select_related("org"), uid=uid)
    form = BlockForm(typed(request), initial={"reason": version.blocked_reason})
    is_lifted = "lift" in request.POST
    if is_lifted or form.is_valid():
        reason = "" if is_lifted else form.cleaned_data["reason"]
        versions.block_version(version, reason=reason, by=request.access.actor)
        state = "blocked" if version.blocked_reason else "not blocked"
        messages.success(request, f"{version} is {state}.")
        return redirect("deployments:versions", request.org.slug, application.code)
    context = {"application": application, "version": version, "form": form, "tab": "versions"}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "applications/version_block.html", context, partial="dialog", status=status
    )


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_READ)
def deploy_script(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    form = DeployScriptForm(initial={"deploy_script": application.deploy_script})
    if request.method == "POST":
        request.access.require(Right.APPLICATION_UPDATE, application.uid)
        form = DeployScriptForm(request.POST)
        if form.is_valid() and save(request, application, form) is not None:
            messages.success(request, "The deploy script is saved.")
            return redirect("projects:deploy-script", request.org.slug, application.code)
    context = {
        "application": application,
        "form": form,
        "is_used": application.steps.filter(template__in=("deploy", "rollback")).exists(),
        "tab": "script",
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "applications/deploy_script.html", context, status=status)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_READ)
def application_settings(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    if request.method == "GET":
        return show_settings(request, application)
    request.access.require(Right.APPLICATION_UPDATE, application.uid)
    form = ApplicationSettingsForm(request.POST)
    if form.is_valid():
        changed = save(request, application, form)
        if changed is not None:
            messages.success(request, "The settings are saved.")
            return redirect("projects:application-settings", request.org.slug, changed.code)
    return show_settings(request, application, form=form)


def save(request: OrgRequest, application: Application, form: forms.Form) -> Application | None:
    """The application with what the form says; None when it was refused."""
    changes = applications.ApplicationChanges(**form.cleaned_data)  # type: ignore[typeddict-item]  # the forms have exactly these
    act = partial(
        applications.update_application, application, changes=changes, by=request.access.actor
    )
    return attempt(form, act)


@require_POST
@member(Right.APPLICATION_DELETE)
def application_delete(request: OrgRequest, code: str) -> HttpResponse:
    """Delete the application whose name was typed."""
    application = find_application(request, code)
    form = TypedNameForm(request.POST, name=application.name)
    if form.is_valid() and attempt(form, partial(is_deleted, application, request=request)):
        messages.success(request, f"{application} is deleted.")
        return redirect("projects:applications", request.org.slug)
    return show_settings(request, application, deletion=form)


def is_deleted(application: Application, *, request: OrgRequest) -> bool:
    applications.delete_application(application, by=request.access.actor)
    return True


def show_settings(
    request: OrgRequest, application: Application, **refused: forms.Form
) -> HttpResponse:
    """The page, with the form that was refused, if one was, as it was typed."""
    kept = {
        "name": application.name,
        "code": application.code,
        "description": application.description,
        "moving_names": application.moving_names,
    }
    context = {
        "application": application,
        "form": ApplicationSettingsForm(initial=kept),
        "icon_form": IconForm(),
        "deletion": TypedNameForm(name=application.name),
        **refused,
        "uses": application.uses.select_related("project")[:10],
        "tab": "settings",
    }
    status = 422 if refused else 200
    return render_page(request, "applications/settings.html", context, status=status)
