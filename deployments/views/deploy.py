"""Pressing Deploy: the exact effect first, then the deployment."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.forms import VERSION_CHOICES, DeployForm, VersionForm
from deployments.models import Deployment
from deployments.services import previews, requests, versions
from deployments.views import matrix, pace
from hydra import keys
from hydra.errors import Invalid
from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from orgs.models import Environment
from projects.models import Application, Project, Version
from projects.services.versions import VersionFacts

RECENT = 10
EXPANDED_VERSIONS = 10


def find_project(request: OrgRequest, code: str) -> Project:
    return get_object_or_404(Project.objects.in_org(request.org).with_icon(), code=code)


@require_GET
@member(Right.PROJECT_READ)
def project_overview(request: OrgRequest, code: str) -> HttpResponse:
    """The project's matrix, with the versions of one application when it is expanded."""
    project = find_project(request, code)
    environments = list(
        Environment.objects.in_org(request.org)
        .filter(uses__project=project)
        .order_by("position", "pk")
    )
    groups = matrix.build([project], environments)
    context = {
        "project": project,
        "environments": environments,
        "rows": groups[0].rows,
        "expanded": request.GET.get("expand", ""),
        "expanded_versions": expanded_versions(request, project, environments),
        "recent": Deployment.objects.filter(project=project)
        .with_names()
        .select_related("target__head__version")[:RECENT],
        "tab": "overview",
    }
    return render_page(request, "deployments/project_overview.html", context, partial="live")


@dataclass(frozen=True)
class VersionRow:
    """One version of the expanded application, and its last deployment in each environment."""

    version: Version
    attempts: list[tuple[Environment, Deployment | None]]


def expanded_versions(
    request: OrgRequest, project: Project, environments: list[Environment]
) -> list[VersionRow]:
    code = request.GET.get("expand", "")
    if not code:
        return []
    rows = Version.objects.in_org(request.org).filter(
        application__code=code, application__uses__project=project
    )
    versions = list(rows.newest_first()[:EXPANDED_VERSIONS])
    attempts = (
        Deployment.objects.filter(project=project, version__in=versions)
        .select_related("target")
        .order_by("pk")
    )
    last = {(d.version_id, d.environment_id): d for d in attempts}
    return [
        VersionRow(version, [(e, last.get((version.pk, e.pk))) for e in environments])
        for version in versions
    ]


@require_http_methods(["GET", "POST"])
@member(Right.DEPLOYMENT_READ)
def deploy(request: OrgRequest, code: str) -> HttpResponse:
    """The dialog (a page without JavaScript) on GET; the deployment on POST."""
    project = find_project(request, code)
    request.access.require(Right.DEPLOYMENT_CREATE, project.uid)
    given = typed(request)
    form = DeployForm(request.GET or None if given is None else given, project=project)
    if not form.is_valid():
        context = {"project": project, "form": form, "tab": "overview"}
        status = 422 if form.is_bound else 200
        return render_page(request, "deployments/deploy_choose.html", context, status=status)
    chosen = form.cleaned_data
    version = chosen["version"] or newest_version(chosen["application"])
    place = {
        "project": project,
        "application": chosen["application"],
        "environment": chosen["environment"],
        "version": version,
    }
    if request.method == "GET" or version is None:
        return show_preview(request, place)
    deployment = requests.request_deployment(
        **place, by=request.access.actor, form_key=chosen["form_key"]
    )
    return redirect("deployments:detail", request.org.slug, deployment.uid)


def newest_version(application: Application) -> Version | None:
    return Version.objects.filter(application=application).newest_first().first()


def show_preview(request: OrgRequest, place: dict[str, object]) -> HttpResponse:
    """What would happen, with a key of this form: sent twice, it deploys once."""
    application = place["application"]
    preview = previews.preview(**place) if place["version"] is not None else None  # type: ignore[arg-type]  # checked by the form
    context = {
        **place,
        "preview": preview,
        "usual_ms": pace.usual_ms(preview.current.target_id)
        if preview is not None and preview.current is not None
        else None,
        "choices": Version.objects.filter(application=application).newest_first()[  # type: ignore[misc]
            :VERSION_CHOICES
        ],
        "form_key": keys.new_uid("form"),
        "tab": "overview",
    }
    return render_page(request, "deployments/deploy.html", context, partial="dialog")


@require_POST
@member(Right.APPLICATION_READ)
def version_create(request: OrgRequest, code: str) -> HttpResponse:
    """Create a version by hand; what the rules made of it stands on its page."""
    application = get_object_or_404(
        Application.objects.in_org(request.org).select_related("org"), code=code
    )
    request.access.require(Right.VERSION_CREATE, application.uid)
    form = VersionForm(request.POST)
    if form.is_valid():
        try:
            reception = versions.receive_version(
                application, facts=VersionFacts(**form.cleaned_data), by=request.access.actor
            )
        except Invalid as invalid:
            form.add_error("name", invalid.message)
        else:
            return redirect(
                "deployments:version", request.org.slug, application.code, reception.version.uid
            )
    context = {"application": application, "form": form, "tab": "versions"}
    return render_page(request, "deployments/version_form.html", context, status=422)


@require_GET
@member(Right.VERSION_CREATE)
def version_new(request: OrgRequest, code: str) -> HttpResponse:
    application = get_object_or_404(Application.objects.in_org(request.org), code=code)
    context = {"application": application, "form": VersionForm(), "tab": "versions"}
    return render_page(request, "deployments/version_form.html", context)


@require_GET
@member(Right.VERSION_READ)
def version_detail(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """One version: what every rule said of it, and where it went."""
    version = get_object_or_404(
        Version.objects.in_org(request.org).select_related("application"),
        uid=uid,
        application__code=code,
    )
    evaluation = getattr(version, "evaluation", None)
    context = {
        "version": version,
        "application": version.application,
        "verdicts": evaluation.verdicts if evaluation is not None else None,
        "deployments": version.deployments.with_names().order_by("-pk")[:50],
        "tab": "versions",
    }
    return render_page(request, "deployments/version.html", context)
