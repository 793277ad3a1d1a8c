"""The pictures of projects and applications. Only what we drew ourselves is ever served."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from orgs.access import OrgRequest, Right, member
from orgs.models import Icon
from projects.forms.icons import IconForm
from projects.models import Application, Project
from projects.services import icons
from projects.views import applications, projects
from projects.views.finding import attempt, find_application, find_project


@require_safe
@member(Right.PROJECT_READ)
def icon(request: OrgRequest, digest: str) -> HttpResponse:
    """Its address holds its digest, so it never changes."""
    found = get_object_or_404(Icon.objects.in_org(request.org), digest=digest)
    response = HttpResponse(bytes(found.png), content_type="image/png")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_POST
@member(Right.PROJECT_UPDATE)
def project_icon(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    form = IconForm(request.POST, request.FILES)
    if is_changed(request, project, form):
        return redirect("projects:settings", request.org.slug, project.code)
    return projects.show_settings(request, project, icon_form=form)


@require_POST
@member(Right.APPLICATION_UPDATE)
def application_icon(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    form = IconForm(request.POST, request.FILES)
    if is_changed(request, application, form):
        return redirect("projects:application-settings", request.org.slug, application.code)
    return applications.show_settings(request, application, icon_form=form)


def is_changed(request: OrgRequest, thing: Project | Application, form: IconForm) -> bool:
    """Whether the picture was taken, or taken away; else the form says why not."""
    by = request.access.actor
    if "remove" in request.POST:
        icons.set_icon(thing, png=None, by=by)
        messages.success(request, "The picture is removed.")
        return True
    if not form.is_valid():
        return False
    upload = form.cleaned_data["icon"].read()
    if attempt(form, partial(icons.upload_icon, thing, upload=upload, by=by)) is None:
        return False
    messages.success(request, "The picture is saved.")
    return True
