"""Asking the plan whether there is room for one more.

Whoever owns the rows counts them and asks here, inside the transaction that adds one.
"""

from __future__ import annotations

from http import HTTPStatus

from billing import plans
from hydra.errors import Refused
from orgs.models import Membership, Organization


class PlanLimit(Refused):
    """The plan has no room left; nothing that exists is touched."""

    code = "plan_limit"
    status = HTTPStatus.PAYMENT_REQUIRED


def require_can_add_project(org: Organization, *, existing: int) -> None:
    require_room(org, "projects", limit=plans.allowance_of(org).projects, existing=existing)


def require_can_add_agent(org: Organization, *, existing: int) -> None:
    require_room(org, "agents", limit=plans.allowance_of(org).agents, existing=existing)


def require_can_add_member(org: Organization) -> None:
    limit = plans.allowance_of(org).members
    if limit == plans.UNLIMITED:
        return
    require_room(org, "members", limit=limit, existing=Membership.objects.in_org(org).count())


def require_can_deploy(org: Organization, *, this_month: int) -> None:
    limit = plans.allowance_of(org).deployments_per_month
    require_room(org, "deployments a month", limit=limit, existing=this_month)


def require_room(org: Organization, things: str, *, limit: int, existing: int) -> None:
    if limit != plans.UNLIMITED and existing >= limit:
        raise PlanLimit(
            f"The {org.get_plan_display()} plan of {org} has room for {limit} {things}, and all "
            "are in use. Ask an owner to move to a larger plan."
        )
