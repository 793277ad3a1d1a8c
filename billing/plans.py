"""What each plan allows: the one table, in code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orgs.models import Organization, Plan

UNLIMITED: Final = -1


@dataclass(frozen=True)
class Allowance:
    """What one plan allows and costs; `UNLIMITED` stands for no limit."""

    price_cents: int
    members: int
    projects: int
    agents: int
    deployments_per_month: int
    requests_per_minute: int
    log_days: int


PLANS: Final[dict[str, Allowance]] = {
    Plan.FREE: Allowance(
        price_cents=0,
        members=5,
        projects=5,
        agents=5,
        deployments_per_month=500,
        requests_per_minute=60,
        log_days=14,
    ),
    Plan.STARTER: Allowance(
        price_cents=2_900,
        members=15,
        projects=25,
        agents=25,
        deployments_per_month=5_000,
        requests_per_minute=120,
        log_days=30,
    ),
    Plan.TEAM: Allowance(
        price_cents=14_900,
        members=100,
        projects=250,
        agents=250,
        deployments_per_month=50_000,
        requests_per_minute=300,
        log_days=90,
    ),
    Plan.ENTERPRISE: Allowance(
        price_cents=99_000,
        members=UNLIMITED,
        projects=UNLIMITED,
        agents=UNLIMITED,
        deployments_per_month=UNLIMITED,
        requests_per_minute=1_000,
        log_days=365,
    ),
}


def allowance_of(org: Organization) -> Allowance:
    return PLANS[org.plan]


def requests_per_minute(org: Organization) -> int:
    """The API limit of each of its keys: the plan's, unless a site administrator set another."""
    if org.requests_per_minute is not None:
        return org.requests_per_minute
    return PLANS[org.plan].requests_per_minute
