"""The settings' pages: who may enter, what they cost, what they never show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orgs.models import Environment, Membership, Organization, User
from tests import factories
from tests.conftest import signed_in
from tests.factories import make_environment

EVERYBODY = {"olivia": 200, "max": 200, "uma": 200, "bill": 200}
WHO_SEE = EVERYBODY | {"bill": 403}
WHO_MANAGE = WHO_SEE | {"uma": 403}
OWNER_ALONE = WHO_MANAGE | {"max": 403}


@dataclass(frozen=True)
class Page:
    """One route and what each of the cast gets to see; `made` prepares what its address names."""

    path: str
    expected: dict[str, int]
    method: str = "get"
    made: Callable[[Organization], str] = lambda _: ""


def a_key(org: Organization) -> str:
    return factories.make_key(org)[0].uid


def a_member(org: Organization) -> str:
    return Membership.objects.get(org=org, user=factories.make_member(org)).uid


def an_invite(org: Organization) -> str:
    return factories.make_invite(org)[0].uid


def an_environment(org: Organization) -> str:
    return make_environment(org).uid


def an_agent(org: Organization) -> str:
    return factories.make_agent(org)[0].uid


def moved(expected: dict[str, int], status: int) -> dict[str, int]:
    """The same people, for whom success is another status than 200."""
    return {who: status if code == 200 else code for who, code in expected.items()}


PAGES = [
    Page("search/?q=x", EVERYBODY),
    Page("settings/general/", EVERYBODY),
    Page("settings/general/save/", moved(OWNER_ALONE, 302)),
    Page("settings/general/save/", moved(OWNER_ALONE, 422), "post"),
    Page("settings/general/transfer/", OWNER_ALONE),
    Page("settings/general/transfer/", moved(OWNER_ALONE, 422), "post"),
    Page("settings/general/delete/", OWNER_ALONE),
    Page("settings/general/delete/", moved(OWNER_ALONE, 422), "post"),
    Page("settings/users/", WHO_SEE),
    Page("settings/users/{}/role/", WHO_MANAGE, made=a_member),
    Page("settings/users/{}/role/", moved(WHO_MANAGE, 422), "post", a_member),
    Page("settings/users/{}/remove/", WHO_MANAGE, made=a_member),
    Page("settings/users/{}/remove/", moved(WHO_MANAGE, 302), "post", a_member),
    Page("settings/invites/", WHO_MANAGE),
    Page("settings/invites/new/", WHO_MANAGE),
    Page("settings/invites/new/", moved(WHO_MANAGE, 422), "post"),
    Page("settings/invites/{}/revoke/", WHO_MANAGE, made=an_invite),
    Page("settings/invites/{}/revoke/", moved(WHO_MANAGE, 302), "post", an_invite),
    Page("settings/environments/", WHO_SEE),
    Page("settings/environments/new/", moved(WHO_MANAGE, 302)),
    Page("settings/environments/new/", moved(WHO_MANAGE, 422), "post"),
    Page("settings/environments/order/", moved(WHO_MANAGE, 302), "post"),
    Page("settings/environments/{}/rename/", WHO_MANAGE, made=an_environment),
    Page("settings/environments/{}/rename/", moved(WHO_MANAGE, 422), "post", an_environment),
    Page("settings/environments/{}/delete/", WHO_MANAGE, made=an_environment),
    Page("settings/environments/{}/delete/", moved(WHO_MANAGE, 302), "post", an_environment),
    Page("settings/api-keys/", WHO_MANAGE),
    Page("settings/api-keys/new/", moved(WHO_MANAGE, 302)),
    Page("settings/api-keys/new/", moved(WHO_MANAGE, 422), "post"),
    Page("settings/api-keys/{}/revoke/", WHO_MANAGE, made=a_key),
    Page("settings/api-keys/{}/revoke/", moved(WHO_MANAGE, 302), "post", a_key),
    Page("agents/", WHO_SEE),
    Page("agents/new/", WHO_MANAGE),
    Page("agents/new/", moved(WHO_MANAGE, 422), "post"),
    Page("agents/{}/revoke/", WHO_MANAGE, made=an_agent),
    Page("agents/{}/revoke/", moved(WHO_MANAGE, 302), "post", an_agent),
]


def ask(client: Client, route: Page, org: Organization) -> Any:
    address = f"/o/{org.slug}/" + route.path.format(route.made(org))
    return getattr(client, route.method)(address)


@pytest.mark.parametrize("route", PAGES, ids=lambda route: f"{route.method} {route.path}")
def test_each_page_lets_in_whom_the_table_says(
    northwind: Organization, cast: dict[str, User], route: Page
) -> None:
    seen = {who: ask(signed_in(cast[who]), route, northwind).status_code for who in route.expected}

    assert seen == route.expected


def without_request_id(answer: Any) -> bytes:
    return re.sub(rb"req_\w+", b"", answer.content)


@pytest.mark.parametrize("route", PAGES, ids=lambda route: f"{route.method} {route.path}")
def test_no_page_exists_for_a_stranger(
    northwind: Organization, sam: User, southwind: Organization, route: Page
) -> None:
    stranger = signed_in(sam)
    there = ask(stranger, route, northwind)
    nowhere = getattr(stranger, route.method)("/o/nowhere/" + route.path.format("x_1"))

    assert there.status_code == nowhere.status_code == 404
    assert without_request_id(there) == without_request_id(nowhere)
    mine = route.path.format(route.made(northwind)) if "{}" in route.path else ""
    if mine:  # a foreign object in one's own organization
        answer = getattr(stranger, route.method)(f"/o/{southwind.slug}/{mine}")
        assert answer.status_code == 404


@pytest.mark.parametrize("route", PAGES, ids=lambda route: f"{route.method} {route.path}")
def test_every_page_asks_to_sign_in(client: Client, northwind: Organization, route: Page) -> None:
    answer = ask(client, route, northwind)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=/o/northwind/")


def test_a_missing_right_is_named(northwind: Organization, uma: User) -> None:
    answer = signed_in(uma).get("/o/northwind/settings/api-keys/")

    assert "This needs the permission api_key.*.read." in answer.content.decode()


def test_a_form_from_elsewhere_is_refused(northwind: Organization, olivia: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olivia)

    answer = client.post("/o/northwind/settings/environments/new/", {"name": "X"})

    assert answer.status_code == 403
    assert not Environment.objects.exists()


def test_names_are_never_markup(northwind: Organization, olivia: User) -> None:
    nasty = "<script>alert(1)</script>"
    factories.make_member(northwind, name=nasty)
    make_environment(northwind, nasty[:60])
    factories.make_key(northwind, name=nasty)
    factories.make_agent(northwind, nasty)
    client = signed_in(olivia)

    for path in ("settings/users/", "settings/environments/", "settings/api-keys/", "agents/"):
        assert nasty not in client.get(f"/o/northwind/{path}").content.decode(), path


# --- What lists cost -------------------------------------------------------------------------


def fill(org: Organization, many: int) -> None:
    for _ in range(many):
        factories.make_member(org)
        factories.make_invite(org)
        factories.make_key(org)
        environment = make_environment(org)
        agent, _ = factories.make_agent(org)
        factories.make_project(org, environments=[environment], agents=[agent])


@pytest.mark.parametrize(
    "path",
    [
        "settings/users/",
        "settings/invites/",
        "settings/environments/",
        "settings/api-keys/",
        "agents/",
    ],
)
def test_a_list_costs_the_same_however_long_it_is(
    northwind: Organization,
    olivia: User,
    path: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(olivia)
    fill(northwind, 2)
    client.get(f"/o/northwind/{path}")
    with django_assert_max_num_queries(12) as few:
        client.get(f"/o/northwind/{path}")
    fill(northwind, 20)

    with django_assert_max_num_queries(len(few.captured_queries)):
        answer = client.get(f"/o/northwind/{path}")

    assert answer.status_code == 200


def test_a_visit_is_remembered(northwind: Organization, uma: User) -> None:
    signed_in(uma).get("/o/northwind/settings/users/")

    seen = Membership.objects.get(user=uma).last_seen_at
    assert seen is not None
    assert timezone.now() - seen < timedelta(minutes=1)
