"""`/api/v1/api-keys` and `/api/v1/tokens`: nothing beyond what the asker has, and for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from orgs.models import ApiKey, Event, Membership, Organization, PersonalToken, Role, User
from orgs.models.rights import PersonalRight, permission
from tests import factories
from tests.api.client import Api, read
from tests.api.conftest import EVERYTHING

KEYS, TOKENS = "/api/v1/api-keys", "/api/v1/tokens"
OWN = [permission(right) for right in PersonalRight]


def test_a_key_is_made_shown_once_and_works(api: Api, olivia: User) -> None:
    made = read(api.post(KEYS, {"name": "ci", "permissions": ["project.*.read"]}), 201)["data"]

    assert read(Api(made["key"]).get("/v1/health"))["data"]["status"] == "ok"
    shown = read(api.get(f"{KEYS}/{made['id']}"))["data"]
    assert "key" not in shown
    assert made["key"] not in str(shown)
    assert {name: shown[name] for name in ("name", "permissions", "state", "expires_at")} == {
        "name": "ci",
        "permissions": ["project.*.read"],
        "state": "live",
        "expires_at": None,
    }
    assert shown["created_by"]["id"] == olivia.uid
    assert made["key"].endswith(shown["last_four"])


def test_unless_chosen_otherwise_a_key_has_what_ci_needs(api: Api) -> None:
    made = read(api.post(KEYS, {"name": "ci"}), 201)["data"]

    assert "application.*.create_version" in made["permissions"]
    assert "application.*.delete" not in made["permissions"]
    assert Api(made["key"]).get("/v1/usage").status_code == 200


def test_unless_chosen_a_key_has_no_usage_that_its_maker_may_not_read(
    northwind: Organization,
) -> None:
    held = [held for held in EVERYTHING if held != "usage.*.read"]
    program = Api(factories.make_key(northwind, permissions=held)[1])

    made = read(program.post(KEYS, {"name": "ci"}), 201)["data"]

    assert "application.*.create_version" in made["permissions"]
    assert "usage.*.read" not in made["permissions"]
    assert Api(made["key"]).get("/v1/usage").status_code == 403


def test_a_key_makes_no_key_with_more_than_it_has(northwind: Organization) -> None:
    program = Api(
        factories.make_key(northwind, permissions=["api_key.*.write", "project.*.read"])[1]
    )

    refused = program.post(KEYS, {"name": "x", "permissions": ["project.*.delete"]})

    assert read(refused, 403)["details"][0]["message"] == "project.*.delete is missing."
    assert ApiKey.objects.count() == 1
    read(program.post(KEYS, {"name": "x", "permissions": ["project.*.read"]}), 201)


def test_a_managers_key_makes_no_key_with_an_owners_right(
    northwind: Organization, max: User
) -> None:
    program = Api(factories.make_key(northwind, creator=max, permissions=EVERYTHING)[1])

    refused = program.post(KEYS, {"name": "x", "permissions": ["organization.*.delete"]})

    assert read(refused, 403)["details"][0]["message"] == "organization.*.delete is missing."


def test_a_key_made_by_a_key_answers_to_the_same_person(northwind: Organization, max: User) -> None:
    program = Api(factories.make_key(northwind, creator=max, permissions=EVERYTHING)[1])
    made = read(program.post(KEYS, {"name": "x"}), 201)["data"]

    assert made["created_by"]["id"] == max.uid
    Membership.objects.filter(user=max).update(role=Role.BILLING)
    assert Api(made["key"]).get("/api/v1/projects").status_code == 403


@pytest.mark.parametrize("kind", ["project", "application"])
def test_a_key_is_limited_to_what_is_there(
    api: Api, northwind: Organization, southwind: Organization, kind: str
) -> None:
    make: Any = getattr(factories, f"make_{kind}")
    mine, theirs = make(northwind), make(southwind)

    def ask(uid: str) -> Any:
        return api.post(KEYS, {"name": "x", "permissions": [f"{kind}.{uid}.read"]})

    foreign, nobodys = ask(theirs.uid), ask("prj_nothing")
    assert read(foreign, 400)["error"] == f"There is no {kind} {theirs.uid}."
    assert read(nobodys, 400)["error"] == f"There is no {kind} prj_nothing."
    made = read(ask(mine.uid), 201)["data"]
    listed = read(Api(made["key"]).get(f"/api/v1/{kind}s"))["data"]
    assert [row["id"] for row in listed] == [mine.uid]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": ""},
        {"name": "x", "permissions": "project.*.read"},
        {"name": "x", "permissions": ["project.*.fly"]},
        {"name": "x", "permissions": ["token.*.write"]},
        {"name": "x", "permissions": []},
        {"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "soon"},
    ],
)
def test_a_wrong_wish_makes_no_key(api: Api, wrong: dict[str, object]) -> None:
    assert api.post(KEYS, wrong).status_code == 400
    assert ApiKey.objects.count() == 1


def test_keys_are_listed_by_state_and_name(api: Api, northwind: Organization) -> None:
    factories.make_key(northwind, name="over", expires_at=timezone.now())

    def names(query: str) -> list[str]:
        return [key["name"] for key in read(api.get(f"{KEYS}?{query}"))["data"]]

    assert names("") == ["over", "pipeline"]
    assert names("state=expired") == ["over"]
    assert names("q=pipe") == ["pipeline"]
    assert api.get(f"{KEYS}?state=broken").status_code == 400


def test_rotating_lets_both_work_for_a_while_and_never_prolongs(
    api: Api, northwind: Organization
) -> None:
    soon = timezone.now() + timedelta(days=2)
    key, old = factories.make_key(northwind, permissions=["project.*.read"], expires_at=soon)

    new = read(api.post(f"{KEYS}/{key.uid}/rotate", {"overlap_days": 30}), 201)["data"]

    assert new["permissions"] == ["project.*.read"]
    shown = read(api.get(f"{KEYS}/{key.uid}"))["data"]
    assert (shown["replaced_by"], shown["state"]) == (new["id"], "ending")
    assert shown["expires_at"] == soon.isoformat().replace("+00:00", "Z")
    for token in (old, new["key"]):
        assert Api(token).get("/v1/health").status_code == 200


def test_the_old_key_ends_when_its_overlap_is_over(api: Api, northwind: Organization) -> None:
    key, old = factories.make_key(northwind)
    new = read(api.post(f"{KEYS}/{key.uid}/rotate", {"overlap_days": 7}), 201)["data"]["key"]

    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=-5)):
        assert Api(old).get("/v1/health").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=5)):
        assert Api(old).get("/v1/health").status_code == 401
        assert Api(new).get("/v1/health").status_code == 200


def test_a_new_key_lasts_as_long_as_the_old_one_was_to(api: Api) -> None:
    ends = timezone.now() + timedelta(days=30)
    old = read(api.post(KEYS, {"name": "x", "expires_at": ends.isoformat()}), 201)["data"]
    with time_machine.travel(timezone.now() + timedelta(days=10), tick=False):
        new = read(api.post(f"{KEYS}/{old['id']}/rotate", {}), 201)["data"]

    end = ApiKey.objects.get(uid=new["id"]).expires_at
    assert end is not None
    assert abs(end - (ends + timedelta(days=10))) < timedelta(minutes=1)


def test_a_key_that_was_rotated_or_revoked_is_not_rotated(
    api: Api, northwind: Organization
) -> None:
    rotated, revoked = (factories.make_key(northwind)[0] for _ in range(2))
    api.post(f"{KEYS}/{rotated.uid}/rotate", {})
    api.post(f"{KEYS}/{revoked.uid}/revoke")
    count = ApiKey.objects.count()

    codes = [
        read(api.post(f"{KEYS}/{key.uid}/rotate", {}), 409)["code"] for key in (rotated, revoked)
    ]

    assert codes == ["already_rotated", "revoked"]
    assert ApiKey.objects.count() == count


def test_revoking_is_at_once_and_for_good(api: Api, northwind: Organization) -> None:
    key, token = factories.make_key(northwind)

    first = read(api.post(f"{KEYS}/{key.uid}/revoke"))["data"]
    again = read(api.post(f"{KEYS}/{key.uid}/revoke"))["data"]

    assert first["state"] == again["state"] == "revoked"
    assert first["revoked_at"] == again["revoked_at"]
    assert Api(token).get("/v1/health").status_code == 401
    assert Event.objects.filter(verb="api_key.revoked").count() == 1
    for method in ("PATCH", "PUT", "DELETE"):
        assert api.send(method, f"{KEYS}/{key.uid}", {"revoked_at": None}).status_code == 405


def test_the_log_tells_of_a_rotation_without_secrets(api: Api, northwind: Organization) -> None:
    key, _ = factories.make_key(northwind)
    new = read(api.post(f"{KEYS}/{key.uid}/rotate", {"overlap_days": 1}), 201)["data"]

    event = Event.objects.get(verb="api_key.rotated")
    assert (event.subject_uid, event.data["successor"]) == (key.uid, new["id"])
    assert event.data["overlap_days"] == 1
    assert new["key"] not in str(event.data)


# --- Personal tokens --------------------------------------------------------------------------


@pytest.fixture
def mine(max: User) -> Api:
    return Api(factories.make_token(max, permissions=[*EVERYTHING, *OWN])[1])


def test_a_token_makes_a_token_and_every_organization_is_told(
    mine: Api, max: User, southwind: Organization
) -> None:
    factories.make_member(southwind, user=max)

    made = read(mine.post(TOKENS, {"name": "ci", "permissions": ["project.*.read"]}), 201)["data"]

    assert made["token"].startswith("hyp_")
    assert read(Api(made["token"]).get("/api/v1/orgs?limit=5"), 403)["code"] == "forbidden"
    told = Event.objects.filter(verb="token.created", subject_uid=made["id"])
    assert sorted(event.org.slug for event in told) == ["northwind", "southwind"]
    assert {event.actor_uid for event in told} == {max.uid}


def test_a_token_makes_no_token_with_more_than_it_has(max: User) -> None:
    program = Api(factories.make_token(max, permissions=["token.*.write"])[1])

    refused = program.post(TOKENS, {"name": "x", "permissions": ["project.*.read"]})

    assert read(refused, 403)["details"][0]["message"] == "project.*.read is missing."
    assert PersonalToken.objects.count() == 1


def test_a_token_is_rotated_and_revoked(mine: Api, max: User) -> None:
    token, sent = factories.make_token(max)

    new = read(mine.post(f"{TOKENS}/{token.uid}/rotate", {"overlap_days": 0}), 201)["data"]
    read(mine.post(f"{TOKENS}/{new['id']}/revoke"))

    assert Api(sent).get("/v1/health").status_code == 401
    assert Api(new["token"]).get("/v1/health").status_code == 401
    states = {each["id"]: each["state"] for each in read(mine.get(TOKENS))["data"]}
    assert (states[token.uid], states[new["id"]]) == ("replaced", "revoked")
    verbs = Event.objects.filter(verb__startswith="token.").values_list("verb", flat=True)
    assert {"token.rotated", "token.revoked"} <= set(verbs)


def test_anothers_token_does_not_exist(mine: Api, olivia: User) -> None:
    theirs, _ = factories.make_token(olivia)

    assert mine.get(f"{TOKENS}/{theirs.uid}").status_code == 404
    assert mine.post(f"{TOKENS}/{theirs.uid}/revoke").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_a_key_has_no_say_in_personal_tokens(api: Api) -> None:
    assert "personal token" in read(api.get(TOKENS), 403)["error"]
    assert api.post(TOKENS, {"name": "x"}).status_code == 403


# --- Usage ------------------------------------------------------------------------------------


def test_usage_tells_of_this_month_and_of_the_plan(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    with time_machine.travel("2026-02-10T12:00:00Z", tick=False):
        factories.make_deployment(place, created_at=timezone.now())
        told = read(api.get("/v1/usage"))["data"]
        native = read(api.get("/api/v1/usage"))["data"]

    assert told == native
    assert (told["month"], told["starts_at"], told["ends_at"]) == (
        "2026-02",
        "2026-02-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
    )
    assert (told["projects"], told["agents"], told["members"]) == (1, 1, 1)
    assert told["deployments"] >= 1
    assert (told["plan"], told["webhook_deliveries"]) == ("enterprise", 0)
    assert told["limits"] == {
        "projects": -1,
        "agents": -1,
        "members": -1,
        "deployments": -1,
        "requests_per_minute": 1000,
    }
