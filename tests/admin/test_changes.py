"""What an administrator changes goes through services, and stands in the log under their name."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from hydra.errors import Invalid
from orgs.models import SYSTEM, Event, Membership, Organization, Plan, Role, User
from orgs.services import administration
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def change_org(desk: Client, org: Organization, **fields: str) -> int:
    form = {"plan": org.plan, "requests_per_minute": "", "suspension_reason": "", **fields}
    return desk.post(f"/admin/orgs/organization/{org.pk}/change/", form).status_code


def change_user(desk: Client, user: User, **fields: str) -> int:
    return desk.post(f"/admin/orgs/user/{user.pk}/change/", fields).status_code


def news(org: Organization) -> list[tuple[str, str, object]]:
    told = Event.objects.in_org(org).filter(actor_label__endswith="(site administrator)")
    return [(event.verb, event.actor_label, event.data) for event in told.order_by("pk")]


def test_a_plan_and_a_limit_are_changed(desk: Client, northwind: Organization, ada: User) -> None:
    assert change_org(desk, northwind, plan="team", requests_per_minute="700") == 302

    northwind.refresh_from_db()
    assert (northwind.plan, northwind.requests_per_minute) == (Plan.TEAM, 700)
    changes = {
        "before": {"plan": "enterprise", "requests_per_minute": None},
        "after": {"plan": "team", "requests_per_minute": 700},
    }
    assert news(northwind) == [
        ("organization.terms_changed", "Ada Admin (site administrator)", changes)
    ]
    event = Event.objects.get(verb="organization.terms_changed")
    assert (event.actor_kind, event.actor_uid, event.address) == ("user", ada.uid, "127.0.0.1")
    assert LogEntry.objects.get().user == ada


def test_a_limit_that_is_none_is_refused(northwind: Organization) -> None:
    with pytest.raises(Invalid):
        administration.change_terms(northwind, plan="team", requests_per_minute=0, by=SYSTEM)

    northwind.refresh_from_db()
    assert (northwind.plan, northwind.requests_per_minute) == (Plan.ENTERPRISE, None)


def test_an_organization_is_suspended_and_resumed(desk: Client, northwind: Organization) -> None:
    change_org(desk, northwind, suspension_reason="unpaid invoices")
    northwind.refresh_from_db()
    was_suspended = northwind.is_suspended
    change_org(desk, northwind)

    northwind.refresh_from_db()
    assert (was_suspended, northwind.is_suspended) == (True, False)
    assert [verb for verb, _, _ in news(northwind)] == [
        "organization.suspended",
        "organization.resumed",
    ]


def test_saving_without_a_change_writes_nothing(desk: Client, northwind: Organization) -> None:
    assert change_org(desk, northwind) == 302

    assert news(northwind) == []


def test_fields_that_are_not_to_be_changed_are_not(desk: Client, northwind: Organization) -> None:
    change_org(desk, northwind, name="Mine", slug="mine", plan="team")

    northwind.refresh_from_db()
    assert (northwind.name, northwind.slug, northwind.plan) == ("Northwind", "northwind", "team")


def test_a_person_is_locked_out_and_each_of_their_organizations_told(
    desk: Client, northwind: Organization, max: User
) -> None:
    eastwind = factories.make_org("Eastwind", owner=max)
    open_page = signed_in(max)

    assert change_user(desk, max) == 302

    max.refresh_from_db()
    assert (max.is_active, max.is_staff) == (False, False)
    assert open_page.get("/o/northwind/").status_code == 302
    told = {"before": {"is_active": True}, "after": {"is_active": False}}
    for org in (northwind, eastwind):
        assert news(org) == [("user.changed", "Ada Admin (site administrator)", told)]


def test_nobody_changes_their_own_standing(desk: Client, ada: User) -> None:
    status = change_user(desk, ada, is_active="on")

    ada.refresh_from_db()
    assert status in {302, 409}
    assert (ada.is_active, ada.is_staff) == (True, True)


def test_an_administrator_is_appointed_by_command(northwind: Organization, max: User) -> None:
    new = administration.appoint("first@hydra.example", by=SYSTEM)
    again = administration.appoint("First@Hydra.example", by=SYSTEM)
    member = administration.appoint(max.email, by=SYSTEM)

    assert new == again
    assert (new.is_staff, new.has_usable_password(), member.is_staff) == (True, False, True)
    assert Event.objects.in_org(northwind).filter(verb="user.changed").count() == 1
    assert Membership.objects.get(user=max).role == Role.MANAGER
