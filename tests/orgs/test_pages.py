"""The settings' pages: who may enter, what they do, what they cost, what they never show."""

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

from orgs.auth import authenticate_key
from orgs.models import ApiKey, Environment, InviteCode, Membership, Organization, Role, User
from orgs.services import organizations
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


# --- Environments ----------------------------------------------------------------------------


def test_an_environment_is_made_renamed_and_deleted(northwind: Organization, max: User) -> None:
    client = signed_in(max)
    base = "/o/northwind/settings/environments/"

    made = client.post(base + "new/", {"name": "Acceptance"}, follow=True)
    assert made.status_code == 200
    assert "Acceptance" in made.content.decode()
    uid = Environment.objects.get().uid
    client.post(f"{base}{uid}/rename/", {"name": "Abnahme"})
    assert Environment.objects.get().name == "Abnahme"
    client.post(f"{base}{uid}/delete/")
    assert not Environment.objects.exists()


def test_a_taken_name_is_an_error_at_the_field_and_stays_typed(
    northwind: Organization, max: User
) -> None:
    make_environment(northwind, "Staging")

    answer = signed_in(max).post("/o/northwind/settings/environments/new/", {"name": "staging"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="staging"' in page
    assert "An environment named “staging” exists." in page
    assert 'aria-invalid="true"' in page


@pytest.mark.parametrize(
    ("press", "order"),
    [
        ({}, "CAB"),
        ({"up": "B"}, "CBA"),
        ({"down": "C"}, "ACB"),
        ({"up": "C"}, "CAB"),
        ({"down": "B"}, "CAB"),
        ({"up": "nothing"}, "CAB"),
    ],
)
def test_the_order_is_saved_as_sent_or_one_place_on(
    northwind: Organization, max: User, press: dict[str, str], order: str
) -> None:
    uids = {name: make_environment(northwind, name).uid for name in "ABC"}
    sent: dict[str, Any] = {"uid": [uids[name] for name in "CAB"]}
    sent |= {button: uids.get(name, name) for button, name in press.items()}

    page = signed_in(max).post("/o/northwind/settings/environments/order/", sent, follow=True)

    saved = Environment.objects.in_org(northwind).values_list("name", flat=True)
    assert "".join(saved) == order
    assert "".join(shown.name for shown in page.context["environments"]) == order


def test_an_outdated_order_changes_nothing_and_says_so(northwind: Organization, max: User) -> None:
    a = make_environment(northwind, "A")
    make_environment(northwind, "B")
    here = "http://testserver/o/northwind/settings/environments/"

    answer = signed_in(max).post(
        here + "order/", {"uid": [a.uid]}, headers={"Referer": here}, follow=True
    )

    assert "the order was not saved" in answer.content.decode()


# --- Keys ------------------------------------------------------------------------------------

KEY_FORM = {"name": "ci", "permissions": ["application.*.create_version"], "expires": "30"}


def test_a_new_key_is_shown_once_and_works(northwind: Organization, max: User) -> None:
    client = signed_in(max)

    made = client.post("/o/northwind/settings/api-keys/new/", KEY_FORM)

    token = made.context["token"]
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert authenticate_key(token).org == northwind
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert timedelta(days=29, hours=23) < key.expires_at - timezone.now() <= timedelta(days=30)
    later = client.get("/o/northwind/settings/api-keys/").content.decode()
    assert token not in later
    assert key.shown_prefix in later


@pytest.mark.parametrize(
    ("chosen", "ends"),
    [
        ({"expires": "never"}, None),
        ({"expires": "never", "expires_on": "2001-01-01"}, None),
        ({"expires": "date", "expires_on": "2126-01-01"}, "2126-01-01T23:59:59"),
    ],
)
def test_a_key_ends_when_it_was_said_to(
    northwind: Organization, max: User, chosen: dict[str, str], ends: str | None
) -> None:
    signed_in(max).post("/o/northwind/settings/api-keys/new/", KEY_FORM | chosen)

    expires_at = ApiKey.objects.get().expires_at
    assert (expires_at and expires_at.isoformat()[:19]) == ends


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"permissions": []},
        {"permissions": ["project.*.fly"]},
        {"permissions": ["organization.*.delete"]},
        {"expires": "7000"},
        {"expires": ""},
        {"expires": "date", "expires_on": ""},
        {"expires": "date", "expires_on": "yesterday"},
        {"expires": "date", "expires_on": "2001-01-01"},
    ],
)
def test_a_wrong_key_form_makes_no_key(
    northwind: Organization, max: User, wrong: dict[str, Any]
) -> None:
    answer = signed_in(max).post("/o/northwind/settings/api-keys/new/", KEY_FORM | wrong)

    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


def test_revoking_a_key_by_its_page(northwind: Organization, max: User) -> None:
    key, _ = factories.make_key(northwind)
    client = signed_in(max)

    asked = client.get(f"/o/northwind/settings/api-keys/{key.uid}/revoke/")
    client.post(f"/o/northwind/settings/api-keys/{key.uid}/revoke/")

    assert key.name in asked.content.decode()
    key.refresh_from_db()
    assert key.revoked_at is not None


# --- People ----------------------------------------------------------------------------------


def test_an_invite_is_shown_once_with_a_link_and_lets_in(
    northwind: Organization, max: User, sam: User
) -> None:
    client = signed_in(max)

    made = client.post("/o/northwind/settings/invites/new/", {"role": "ORG_USER"})

    code = made.context["code"]
    page = made.content.decode()
    assert code in page
    assert f"/account/signup/?code={code}" in page
    assert code not in client.get("/o/northwind/settings/invites/").content.decode()
    joined = organizations.join(code=code, user=sam, by=factories.actor_of(sam))
    assert joined.role == Role.USER


def test_a_manager_is_not_offered_to_make_owners(northwind: Organization, max: User) -> None:
    client = signed_in(max)

    page = client.get("/o/northwind/settings/invites/")
    answer = client.post("/o/northwind/settings/invites/new/", {"role": "ORG_OWNER"})

    assert 'value="ORG_OWNER"' not in page.content.decode()
    assert answer.status_code == 422
    assert not InviteCode.objects.exists()


def test_a_used_code_cannot_be_revoked_by_its_page(
    northwind: Organization, max: User, sam: User
) -> None:
    invite, code = factories.make_invite(northwind)
    organizations.join(code=code, user=sam, by=factories.actor_of(sam))

    answer = signed_in(max).post(f"/o/northwind/settings/invites/{invite.uid}/revoke/")

    assert answer.status_code == 409
    assert "used already" in answer.content.decode()


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
