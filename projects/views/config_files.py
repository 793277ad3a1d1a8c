"""An application's base config files."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from projects.forms.configurations import ConfigFileForm
from projects.models import Application, ConfigFile, FileType
from projects.services import configs
from projects.views.finding import attempt, find_application, find_config_file


@require_GET
@member(Right.APPLICATION_READ)
def config_file_list(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    # The order is asked for, because Django drops a model's own one when it counts.
    files = application.config_files.annotate(override_count=Count("overrides"))
    context = {
        "application": application,
        "files": files.order_by("name", "position", "pk"),
        "tab": "configurations",
    }
    return render_page(request, "applications/config_files.html", context)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def config_file_create(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    form = ConfigFileForm(typed(request), initial={"file_type": FileType.DOTENV})
    if form.is_valid():
        saved = save(request, application, form)
        if saved is not None:
            messages.success(request, f"{saved} is made.")
            return redirect("projects:config-files", request.org.slug, application.code)
    return show_form(request, application, form)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_READ)
def config_file_edit(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    application = find_application(request, code)
    file = find_config_file(application, uid)
    start = {
        "name": file.name,
        "file_type": file.file_type,
        "version_pattern": file.version_pattern,
        "content": file.content,
    }
    form = ConfigFileForm(initial=start)
    if request.method == "POST":
        request.access.require(Right.APPLICATION_UPDATE, application.uid)
        form = ConfigFileForm(request.POST)
        if form.is_valid() and save(request, application, form, file) is not None:
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("projects:config-files", request.org.slug, application.code)
    return show_form(request, application, form, file)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def config_file_delete(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """Ask on GET, naming the overrides that go with it; do it on POST."""
    application = find_application(request, code)
    file = find_config_file(application, uid)
    if request.method == "POST":
        configs.delete_config_file(file, by=request.access.actor)
        messages.success(request, f"{file} is deleted.")
        return redirect("projects:config-files", request.org.slug, application.code)
    context = {
        "application": application,
        "file": file,
        "overrides": file.overrides.select_related("project", "environment"),
        "tab": "configurations",
    }
    return render_page(request, "applications/config_file_delete.html", context, partial="dialog")


def save(
    request: OrgRequest,
    application: Application,
    form: ConfigFileForm,
    file: ConfigFile | None = None,
) -> ConfigFile | None:
    act = partial(
        configs.save_config_file,
        application,
        facts=configs.ConfigFacts(**form.cleaned_data),
        config_file=file,
        by=request.access.actor,
    )
    return attempt(form, act)


def show_form(
    request: OrgRequest,
    application: Application,
    form: ConfigFileForm,
    file: ConfigFile | None = None,
) -> HttpResponse:
    context = {
        "application": application,
        "form": form,
        "file": file,
        "tab": "configurations",
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "applications/config_file.html", context, status=status)
