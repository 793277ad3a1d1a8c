"""The native face for organizations, members, invites and environments, as its routes show them."""

from __future__ import annotations

import pytest

from orgs.models import Environment, Event, InviteCode, Membership, Organization, Role, User
from orgs.models.rights import Right, permission
from orgs.services import organizations
from tests import factories
from tests.api.client import Api, read

EVERYTHING = [permission(right) for right in Right]
ORG = "/api/v1/orgs/northwind"


def key_of(user: User, org: Organization) -> Api:
    """A program with a key that `user` made, which may do whatever they may."""
    return Api(factories.make_key(org, permissions=EVERYTHING, creator=user)[1])


def uid_of(user: User) -> str:
    return Membership.objects.get(user=user, org__slug="northwind").uid


# --- The organization --------------------------------------------------------------------------


def test_the_settings_change_and_say_so(api: Api, northwind: Organization) -> None:
    sent = {
        "name": "North",
        "website": "https://north.example",
        "billing_email": "bills@north.example",
        "time_zone": "Europe/Berlin",
        "managers_may_edit": True,
    }

    shown = read(api.patch(ORG, sent))["data"]

    assert {name: shown[name] for name in sent} == sent
    assert shown["_count"] == {"members": 1, "projects": 0}
    assert Event.objects.get(verb="organization.updated").data["before"] == {
        "name": "Northwind",
        "website": "",
        "billing_email": "",
        "time_zone": "UTC",
        "managers_may_edit": False,
    }


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        ({"name": " "}, "name"),
        ({"name": 5}, "name"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"website": "ftp://north.example"}, "website"),
        ({"billing_email": "nobody"}, "billing_email"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"managers_may_edit": "yes"}, "managers_may_edit"),
    ],
)
def test_nonsense_is_refused_at_its_field(
    api: Api, northwind: Organization, sent: dict[str, object], location: str
) -> None:
    answer = read(api.patch(ORG, sent), 400)

    assert [detail["location"] for detail in answer["details"]] == [location]
    northwind.refresh_from_db()
    assert (northwind.name, northwind.website, northwind.time_zone) == ("Northwind", "", "UTC")


def test_bills_are_for_those_who_read_bills(northwind: Organization, uma: User, bill: User) -> None:
    Organization.objects.update(billing_email="bills@north.example")

    assert read(key_of(uma, northwind).get(ORG))["data"]["billing_email"] is None
    assert read(key_of(bill, northwind).get(ORG))["data"]["billing_email"] == "bills@north.example"


def test_two_factor_is_asked_of_all_only_by_who_has_it(api: Api, northwind: Organization) -> None:
    answer = read(api.patch(ORG, {"requires_two_factor": True}), 409)

    assert answer["code"] == "two_factor_first"
    northwind.refresh_from_db()
    assert not northwind.requires_two_factor


def test_an_organization_is_deleted_and_its_key_with_it(api: Api, northwind: Organization) -> None:
    assert read(api.delete(ORG)) == {"deleted": True}

    assert not Organization.objects.exists()
    assert read(api.get("/api/v1/orgs"), 401)["code"] == "unauthorized"


def test_a_pipelines_key_deletes_nothing(ci: Api, northwind: Organization) -> None:
    assert "organization.*.delete" in read(ci.delete(ORG), 403)["error"]

    assert Organization.objects.exists()


# --- Members -----------------------------------------------------------------------------------


def test_a_member_gets_another_role_and_is_removed(
    api: Api, northwind: Organization, uma: User
) -> None:
    path = f"{ORG}/members/{uid_of(uma)}"

    assert read(api.patch(path, {"role": "ORG_MANAGER"}))["data"]["role"] == "ORG_MANAGER"
    assert read(api.delete(path)) == {"deleted": True}
    assert read(api.delete(path), 404)["code"] == "not_found"
    assert Membership.objects.in_org(northwind).count() == 1


def test_a_key_counts_as_its_creator(northwind: Organization, olivia: User, max: User) -> None:
    mine = f"{ORG}/members/{uid_of(max)}"
    program = key_of(max, northwind)

    assert read(program.patch(mine, {"role": "ORG_USER"}), 409)["code"] == "own_membership"
    assert read(program.delete(mine), 409)["code"] == "own_membership"
    owner = f"{ORG}/members/{uid_of(olivia)}"
    assert read(program.patch(owner, {"role": "ORG_USER"}), 403)["code"] == "role_too_high"
    assert read(program.delete(owner), 403)["code"] == "role_too_high"
    assert sorted(Membership.objects.in_org(northwind).values_list("role", flat=True)) == [
        "ORG_MANAGER",
        "ORG_OWNER",
    ]


def test_a_role_that_is_none_is_refused(api: Api, northwind: Organization, uma: User) -> None:
    answer = read(api.patch(f"{ORG}/members/{uid_of(uma)}", {"role": "owner"}), 400)

    assert [detail["location"] for detail in answer["details"]] == ["role"]


# --- Invites -----------------------------------------------------------------------------------


def test_an_invite_is_made_shown_once_and_revoked(
    api: Api, northwind: Organization, sam: User, olivia: User
) -> None:
    made = read(api.post("/api/v1/invites", {"role": "ORG_MANAGER"}), 201)["data"]

    code = made.pop("code")
    assert made["role"] == "ORG_MANAGER"
    assert (made["state"], made["created_by"]) == ("open", olivia.email)
    assert read(api.get("/api/v1/invites"))["data"] == [made]
    assert read(api.delete(f"/api/v1/invites/{made['id']}")) == {"deleted": True}
    assert read(api.get(f"/api/v1/invites/{made['id']}"))["data"]["state"] == "revoked"
    with pytest.raises(organizations.InviteRefused):
        organizations.join(code=code, user=sam, by=factories.actor_of(sam))


def test_a_managers_key_makes_no_owner(northwind: Organization, max: User) -> None:
    answer = read(key_of(max, northwind).post("/api/v1/invites", {"role": "ORG_OWNER"}), 403)

    assert answer["code"] == "role_too_high"
    assert not InviteCode.objects.exists()


def test_a_used_invite_is_not_revoked(api: Api, northwind: Organization, sam: User) -> None:
    invite, code = factories.make_invite(northwind, Role.USER)
    organizations.join(code=code, user=sam, by=factories.actor_of(sam))

    assert read(api.delete(f"/api/v1/invites/{invite.uid}"), 409)["code"] == "invite_used"
    assert read(api.get(f"/api/v1/invites/{invite.uid}"))["data"]["used_by"] == sam.email


# --- Environments ------------------------------------------------------------------------------


@pytest.fixture
def stages(northwind: Organization) -> list[Environment]:
    return [factories.make_environment(northwind, name) for name in ("Dev", "Test", "Live")]


def slugs(org: Organization) -> list[str]:
    return list(Environment.objects.in_org(org).values_list("slug", flat=True))


def test_an_environment_is_read_renamed_and_deleted(api: Api, stages: list[Environment]) -> None:
    path = f"/api/v1/environments/{stages[0].uid}"

    assert read(api.get("/api/v1/environments/dev"))["data"] == read(api.get(path))["data"]
    renamed = read(api.patch(path, {"name": "Development"}))["data"]
    assert (renamed["name"], renamed["slug"]) == ("Development", "dev")
    assert read(api.patch(path, {"name": "live"}), 409)["code"] == "environment_exists"
    assert read(api.delete(path)) == {"deleted": True}
    assert read(api.get(path), 404)["error"] == f"There is no environment {stages[0].uid}."


def test_an_order_is_put_whole(
    api: Api, northwind: Organization, stages: list[Environment]
) -> None:
    sent = {"order": ["live", stages[0].uid, "test"], "was": ["dev", "test", "live"]}

    shown = read(api.send("PUT", "/api/v1/environments/order", sent))["data"]

    assert [row["slug"] for row in shown] == slugs(northwind) == ["live", "dev", "test"]
    assert [row["position"] for row in shown] == [0, 1, 2]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"order": ["live", "dev", "test"], "was": ["test", "dev", "live"]}, "order_changed"),
        ({"order": ["live", "dev"]}, "order_outdated"),
        ({"order": ["live", "dev", "dev"]}, "order_outdated"),
        ({"order": ["live", "dev", "moon"]}, "order_outdated"),
    ],
)
def test_an_order_of_yesterday_is_refused(
    api: Api,
    northwind: Organization,
    stages: list[Environment],
    sent: dict[str, list[str]],
    code: str,
) -> None:
    answer = read(api.send("PUT", "/api/v1/environments/order", sent), 409)

    assert answer["code"] == code
    assert slugs(northwind) == ["dev", "test", "live"]
