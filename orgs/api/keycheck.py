"""The face after HookDeploy, `/v1/health` and `/v1/usage`: does my key work, how much is used.

It stands among the routes of organizations, because all it tells is of the key's organization.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from hydra.api.answers import Moment, moment
from hydra.api.schema import KEY_CHECK_ERROR, Operation, data, described
from orgs.access import Right, permission
from orgs.gate import OrgViewSet


class KeyOwnerShown(TypedDict):
    id: str
    name: str
    slug: str
    plan: str


class HealthShown(TypedDict):
    """The key works, and whose it is."""

    status: str
    organization: KeyOwnerShown
    time: Moment


class UsageShown(TypedDict):
    """What the organization has used in this calendar month, UTC."""

    month: str
    projects: int
    agents: int
    members: int
    deployments: int


class HealthViewSet(OrgViewSet):
    @described(
        Operation(
            name="checkKey",
            summary="Check that a key works",
            tag="Key check",
            shows=data(HealthShown),
            error=KEY_CHECK_ERROR,
        )
    )
    def retrieve(self, _request: HttpRequest) -> HttpResponse:
        """Any live key may ask; it needs no permission."""
        org = self.org
        owner = KeyOwnerShown(id=org.uid, name=org.name, slug=org.slug, plan=org.plan)
        return self.show(HealthShown(status="ok", organization=owner, time=moment(timezone.now())))


class UsageViewSet(OrgViewSet):
    @described(
        Operation(
            name="getUsage",
            summary="Get the usage of this month",
            tag="Key check",
            shows=data(UsageShown),
            permission=permission(Right.USAGE_READ),
            error=KEY_CHECK_ERROR,
        )
    )
    def retrieve(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.USAGE_READ)
        org, month = self.org, this_month()
        return self.show(
            UsageShown(
                month=f"{month:%Y-%m}",
                projects=org.projects.count(),
                agents=org.agents.filter(revoked_at=None).count(),
                members=org.memberships.count(),
                deployments=org.deployments.filter(created_at__gte=month).count(),
            )
        )


def this_month() -> datetime:
    return timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
