"""Where the things that events tell of can be seen: wiring, because it asks every app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from agents.models import Agent
from deployments.models import Deployment
from orgs.models import ApiKey, Environment, InviteCode, Organization
from orgs.services.subjects import Finder
from projects.models import (
    Application,
    AutoDeployRule,
    ConfigFile,
    Override,
    Project,
    Step,
    Variable,
    Version,
)

Rows = Callable[[Organization], QuerySet[Any]]


def finder(rows: Rows, view: str, *names: str) -> Finder:
    """A finder of the thing's own page, whose address wants these facts of it."""

    def find(org: Organization, uid: str) -> str | None:
        facts = rows(org).filter(uid=uid).values_list(*names or ("pk",)).first()
        return None if facts is None else reverse(view, args=[org.slug, *(facts if names else ())])

    return find


FINDERS: dict[str, Finder] = {
    "environment": finder(Environment.objects.in_org, "orgs:environments"),
    "api_key": finder(ApiKey.objects.in_org, "orgs:keys"),
    "invite": finder(InviteCode.objects.in_org, "orgs:invites"),
    "agent": finder(Agent.objects.in_org, "agents:list"),
    "project": finder(Project.objects.in_org, "deployments:project", "code"),
    "application": finder(Application.objects.in_org, "projects:application", "code"),
    "rule": finder(AutoDeployRule.objects.in_org, "projects:rule-edit", "uid"),
    "deployment": finder(Deployment.objects.in_org, "deployments:detail", "uid"),
    "version": finder(
        lambda org: Version.objects.filter(org=org),
        "deployments:version",
        "application__code",
        "uid",
    ),
    "config_file": finder(
        lambda org: ConfigFile.objects.filter(application__org=org),
        "projects:config-file",
        "application__code",
        "uid",
    ),
    "step": finder(
        lambda org: Step.objects.filter(application__org=org),
        "projects:steps",
        "application__code",
    ),
    "override": finder(
        lambda org: Override.objects.filter(org=org),
        "projects:configuration",
        "project__code",
        "config_file__uid",
        "environment__slug",
    ),
    "variable": finder(
        lambda org: Variable.objects.filter(org=org, project__isnull=False),
        "projects:variables",
        "project__code",
    ),
}
