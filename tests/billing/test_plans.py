"""Plans: their limits, and a refusal that says what to do."""

from __future__ import annotations

import pytest

from billing import plans, services
from billing.services import PlanLimit
from orgs.models import Organization, Plan
from tests import factories


@pytest.mark.parametrize(
    ("plan", "limit"),
    [(Plan.FREE, 60), (Plan.STARTER, 120), (Plan.TEAM, 300), (Plan.ENTERPRISE, 1000)],
)
def test_requests_a_minute_are_the_plans(plan: Plan, limit: int) -> None:
    assert plans.requests_per_minute(Organization(plan=plan)) == limit


@pytest.mark.parametrize("own", [5, plans.UNLIMITED])
def test_a_site_administrator_may_set_another_limit(own: int) -> None:
    assert plans.requests_per_minute(Organization(requests_per_minute=own)) == own


def test_every_plan_stands_in_the_table_and_larger_ones_allow_more() -> None:
    assert set(plans.PLANS) == set(Plan)
    free, starter, team, enterprise = (plans.PLANS[plan] for plan in Plan)
    for smaller, larger in ((free, starter), (starter, team)):
        for limit in ("members", "projects", "agents", "deployments_per_month", "price_cents"):
            assert getattr(smaller, limit) < getattr(larger, limit)
    assert enterprise.members == enterprise.deployments_per_month == plans.UNLIMITED


def test_a_full_plan_refuses_and_says_what_to_do() -> None:
    org = Organization(name="Northwind", plan=Plan.FREE)
    services.require_can_add_project(org, existing=4)

    with pytest.raises(PlanLimit) as refused:
        services.require_can_add_project(org, existing=5)

    assert (refused.value.code, refused.value.status) == ("plan_limit", 402)
    assert refused.value.message == (
        "The Free plan of Northwind has room for 5 projects, and all are in use. "
        "Ask an owner to move to a larger plan."
    )


def test_no_limit_is_no_limit() -> None:
    org = Organization(plan=Plan.ENTERPRISE)

    services.require_can_add_agent(org, existing=1_000_000)
    services.require_can_deploy(org, this_month=1_000_000)


def test_agents_beyond_the_plan_are_refused(northwind: Organization) -> None:
    northwind.plan = Plan.FREE
    northwind.save()
    for _ in range(5):
        factories.make_agent(northwind)

    with pytest.raises(PlanLimit):
        factories.make_agent(northwind)

    assert northwind.agents.count() == 5
