"""What all pages of this app do: find rows in the organization, and put refusals at the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.shortcuts import get_object_or_404

from billing.services import PlanLimit
from hydra.errors import Conflict, Invalid, Refused
from orgs.access import OrgRequest
from projects.forms.fields import ParsedForm
from projects.models import Application, AutoDeployRule, ConfigFile, Project, Step
from projects.services.configs import Unparsable

Made = TypeVar("Made")


def order_from(request: OrgRequest) -> list[str]:
    """The order as it was dragged; `up` and `down` move one thing by one place."""
    uids = request.POST.getlist("uid")
    moved, step = request.POST.get("up"), -1
    if moved is None:
        moved, step = request.POST.get("down"), 1
    if moved in uids:
        at = uids.index(moved)
        uids.insert(min(max(at + step, 0), len(uids) - 1), uids.pop(at))
    return uids


def find_project(request: OrgRequest, code: str) -> Project:
    projects = Project.objects.in_org(request.org).with_icon()
    return get_object_or_404(projects, code=code)


def find_application(request: OrgRequest, code: str) -> Application:
    applications = Application.objects.in_org(request.org).with_icon()
    return get_object_or_404(applications, code=code)


def find_rule(request: OrgRequest, uid: str) -> AutoDeployRule:
    return get_object_or_404(AutoDeployRule.objects.in_org(request.org).with_names(), uid=uid)


def find_config_file(application: Application, uid: str) -> ConfigFile:
    return get_object_or_404(application.config_files.select_related("application__org"), uid=uid)


def find_step(application: Application, uid: str) -> Step:
    return get_object_or_404(application.steps.select_related("application__org"), uid=uid)


def attempt(form: forms.Form, act: Callable[[], Made]) -> Made | None:
    """What `act` made; None when it was refused, and then the form says why, at the field."""
    try:
        return act()
    except (Invalid, Conflict, PlanLimit) as refused:
        explain(form, refused)
        return None


def explain(form: forms.Form, refused: Refused) -> None:
    """Put each detail of a refusal at the field it is about, the rest above the form."""
    if isinstance(refused, Unparsable) and isinstance(form, ParsedForm):
        form.error_line = refused.line
    at_fields = [detail for detail in refused.details if detail["location"] in form.fields]
    for detail in at_fields:
        message = f"{detail['message']} {detail.get('fix', '')}".strip()
        form.add_error(detail["location"], message[:1].upper() + message[1:])
    if not at_fields:
        form.add_error(None, refused.message)
