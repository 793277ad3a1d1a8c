"""Usage against the plan: `/api/v1/usage`, and `/v1/usage` of the key check."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing import plans
from hydra.api.answers import Moment, moment
from hydra.api.schema import KEY_CHECK_ERROR, Operation, data, described
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Organization


class LimitsShown(TypedDict):
    """What the plan allows; -1 is unlimited."""

    projects: int
    agents: int
    members: int
    deployments: int
    requests_per_minute: int


class UsageShown(TypedDict):
    """What the organization has used in this calendar month, UTC, and what its plan allows."""

    month: str
    starts_at: Moment
    ends_at: Moment
    plan: str
    projects: int
    agents: int
    members: int
    deployments: int
    webhook_deliveries: int
    limits: LimitsShown


class KeyUsageViewSet(OrgViewSet):
    """As the key check words it."""

    @described(
        Operation(
            name="getKeyUsage",
            summary="Get the usage of this month",
            tag="Key check",
            shows=data(UsageShown),
            permission=permission(Right.USAGE_READ),
            error=KEY_CHECK_ERROR,
        )
    )
    def retrieve(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.USAGE_READ)
        return self.show(usage_of(self.org))


class UsageViewSet(OrgViewSet):
    @described(
        Operation(
            name="getUsage",
            summary="Get the usage of this month",
            tag="Usage",
            shows=data(UsageShown),
            permission=permission(Right.USAGE_READ),
        )
    )
    def retrieve(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.USAGE_READ)
        return self.show(usage_of(self.org))


def usage_of(org: Organization) -> UsageShown:
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    sent = Count("deliveries", filter=Q(deliveries__created_at__gte=month))
    return UsageShown(
        month=f"{month:%Y-%m}",
        starts_at=moment(month),
        ends_at=moment(next_month(month)),
        plan=org.plan,
        projects=org.projects.count(),
        agents=org.agents.filter(revoked_at=None).count(),
        members=org.memberships.count(),
        deployments=org.deployments.filter(created_at__gte=month).count(),
        webhook_deliveries=org.webhooks.aggregate(sent=sent)["sent"],
        limits=limits_of(org),
    )


def limits_of(org: Organization) -> LimitsShown:
    allowance = plans.allowance_of(org)
    return LimitsShown(
        projects=allowance.projects,
        agents=allowance.agents,
        members=allowance.members,
        deployments=allowance.deployments_per_month,
        requests_per_minute=plans.requests_per_minute(org),
    )


def next_month(month: datetime) -> datetime:
    return (month + timedelta(days=31)).replace(day=1)
