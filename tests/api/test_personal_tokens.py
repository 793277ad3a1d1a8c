"""A personal token acts as its person: in each organization with the role they have there now."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orgs.models import SYSTEM, Environment, Event, Membership, Organization, Plan, Role, User
from orgs.services import suspensions, tokens
from projects.models import Project
from tests import factories
from tests.api.client import Api, read
from tests.api.conftest import EVERYTHING
from tests.factories import actor_of, make_token

NAMED = "X-Hydra-Organization"


@pytest.fixture
def both(southwind: Organization, max: User) -> User:
    """Max, manager of Northwind, is a user of Southwind too."""
    return factories.make_member(southwind, Role.USER, user=max)


@pytest.fixture
def program(both: User) -> Api:
    return Api(make_token(both, permissions=EVERYTHING)[1])


def test_with_one_organization_it_is_that_one(northwind: Organization, max: User) -> None:
    program = Api(make_token(max)[1])

    assert read(program.get("/v1/health"))["data"]["organization"]["slug"] == "northwind"


@pytest.mark.parametrize("header", ["southwind", "uid"])
def test_with_several_the_header_says_which(
    program: Api, southwind: Organization, header: str
) -> None:
    named = southwind.uid if header == "uid" else header

    told = read(program.get("/v1/health", X_Hydra_Organization=named))

    assert told["data"]["organization"]["slug"] == "southwind"


def test_while_one_is_suspended_it_works_in_the_others(
    program: Api, northwind: Organization, southwind: Organization
) -> None:
    suspensions.suspend(northwind, reason="The bill is not paid.", by=SYSTEM)

    def ask(org: Organization) -> HttpResponse:
        return program.get("/api/v1/environments", X_Hydra_Organization=org.slug)

    refused = read(ask(northwind), 403)
    assert (refused["code"], "The bill is not paid." in refused["error"]) == (
        "organization_suspended",
        True,
    )
    assert {one["slug"] for one in read(ask(southwind))["data"]} == {
        one.slug for one in southwind.environments.all()
    }
    listed = read(program.get("/api/v1/orgs"))["data"]
    assert {one["slug"] for one in listed} == {"northwind", "southwind"}
    read(program.get("/api/v1/environments"), 400)  # which one is still a question

    suspensions.resume(northwind, by=SYSTEM)
    assert ask(northwind).status_code == 200


def test_with_several_and_none_named_it_is_400_and_tells_no_names(program: Api) -> None:
    response = program.get("/api/v1/environments")

    assert read(response, 400)["code"] == "organization_required"
    assert "wind" not in response.content.decode().lower()


@pytest.mark.parametrize("query", ["org=southwind", "orgSlug=southwind"])
def test_the_query_may_say_which(program: Api, southwind: Organization, query: str) -> None:
    factories.make_project(southwind, "Theirs")

    listed = read(program.get(f"/api/v1/projects?{query}"))["data"]

    assert [project["name"] for project in listed] == ["Theirs"]


def test_the_body_says_where_a_project_is_made(program: Api, northwind: Organization) -> None:
    read(program.post("/api/v1/projects", {"name": "Shop", "orgSlug": "northwind"}), 201)

    assert Project.objects.get().org == northwind


def test_the_address_of_an_organization_names_it(program: Api) -> None:
    assert read(program.get("/api/v1/orgs/southwind"))["data"]["slug"] == "southwind"
    assert read(program.get("/api/v1/orgs/northwind"))["data"]["slug"] == "northwind"


def test_a_strangers_organization_is_as_one_that_never_was(
    max: User, southwind: Organization
) -> None:
    program = Api(make_token(max, permissions=EVERYTHING)[1])

    theirs = program.get("/api/v1/environments", X_Hydra_Organization="southwind")
    nobodys = program.get("/api/v1/environments", X_Hydra_Organization="nowhere")

    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert read(theirs, 404)["error"] == "There is no organization southwind."
    assert read(nobodys, 404)["error"] == "There is no organization nowhere."


def test_a_key_that_names_another_organization_finds_nothing_there(
    api: Api, southwind: Organization
) -> None:
    assert api.get("/v1/health", X_Hydra_Organization="southwind").status_code == 404
    assert api.get("/v1/health", X_Hydra_Organization="northwind").status_code == 200
    body = {"name": "Shop", "orgSlug": "southwind"}
    assert api.post("/api/v1/projects", body).status_code == 404
    assert not Project.objects.exists()


def test_the_role_of_the_moment_decides_in_each(
    program: Api, northwind: Organization, southwind: Organization, both: User
) -> None:
    def make(org: Organization) -> int:
        body = {"name": f"Stage {factories.number()}"}
        response = program.post("/api/v1/environments", body, X_Hydra_Organization=org.slug)
        return response.status_code

    assert (make(northwind), make(southwind)) == (201, 403)
    Membership.objects.filter(user=both, org=northwind).update(role=Role.BILLING)
    Membership.objects.filter(user=both, org=southwind).update(role=Role.OWNER)
    assert (make(northwind), make(southwind)) == (403, 201)
    Membership.objects.filter(user=both, org=northwind).delete()
    assert make(northwind) == 404


def test_it_never_has_more_than_it_was_given(max: User) -> None:
    program = Api(make_token(max, permissions=["environment.*.read"])[1])

    response = program.post("/api/v1/environments", {"name": "Staging"})

    told = read(response, 403)
    assert told["details"][0]["message"] == "environment.*.write is missing."
    assert not Environment.objects.filter(name="Staging").exists()


def test_what_it_does_is_done_by_its_person(program: Api, both: User) -> None:
    body = {"name": "Staging"}
    read(program.post("/api/v1/environments", body, X_Hydra_Organization="northwind"), 201)

    event = Event.objects.get(verb="environment.created", subject_label="Staging")
    assert (event.actor_kind, event.actor_uid) == ("user", both.uid)
    assert event.actor_label == "Max Manager (token laptop)"


def test_all_organizations_are_listed_with_the_role_in_each(program: Api) -> None:
    listed = read(program.get("/api/v1/orgs"))["data"]

    assert [(org["slug"], org["role"]) for org in listed] == [
        ("northwind", "ORG_MANAGER"),
        ("southwind", "ORG_USER"),
    ]


def test_the_list_of_organizations_is_paged(program: Api) -> None:
    first = read(program.get("/api/v1/orgs?limit=1"))
    second = read(program.get(f"/api/v1/orgs?limit=1&cursor={first['pagination']['nextCursor']}"))

    assert [org["slug"] for org in first["data"]] == ["northwind"]
    assert [org["slug"] for org in second["data"]] == ["southwind"]


def test_a_key_lists_its_own_organization_alone(northwind: Organization, both: User) -> None:
    key = factories.make_key(northwind, creator=both, permissions=EVERYTHING)[1]

    listed = read(Api(key).get("/api/v1/orgs"))["data"]

    assert [(org["slug"], org["role"]) for org in listed] == [("northwind", "ORG_MANAGER")]


@pytest.mark.parametrize(
    "fate", ["malformed", "unknown", "expired", "revoked", "replaced", "inactive"]
)
def test_every_refusal_is_the_same_as_of_a_key(
    max: User, fate: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    token, sent = make_token(max)
    if fate == "malformed":
        sent = sent[:-1] + ("a" if sent[-1] != "a" else "b")
    elif fate == "unknown":
        token.delete()
    elif fate == "expired":
        type(token).objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif fate == "revoked":
        tokens.revoke_token(token, by=actor_of(max))
    elif fate == "replaced":
        powers = tokens.powers_of(max)
        tokens.rotate_token(token, overlap_days=0, powers=powers, by=actor_of(max))
    else:
        max.is_active = False
        max.save()

    with django_assert_max_num_queries(0 if fate == "malformed" else 1):
        refused = Api(sent).get("/v1/health")

    key = Api("hyd_live_nothing").get("/v1/health")
    assert refused.status_code == 401
    assert read(refused, 401) == read(key, 401)


def test_it_ends_when_its_time_is_over(max: User) -> None:
    _, sent = make_token(max, expires_at=timezone.now() + timedelta(days=30))

    assert Api(sent).get("/v1/health").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=30, seconds=1)):
        assert Api(sent).get("/v1/health").status_code == 401


def test_it_costs_two_questions_however_many_organizations_there_are(
    program: Api, both: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        factories.make_member(factories.make_org(), user=both)
    program.get("/v1/health", X_Hydra_Organization="southwind")  # notes the use

    with django_assert_num_queries(2):
        program.get("/v1/health", X_Hydra_Organization="southwind")
    with django_assert_num_queries(2):
        program.get("/v1/health")  # 400


def test_each_organization_gives_it_the_limit_of_its_plan(
    program: Api, northwind: Organization, southwind: Organization
) -> None:
    northwind.plan, southwind.plan = Plan.TEAM, Plan.STARTER
    northwind.save()
    southwind.save()

    with time_machine.travel(timezone.now(), tick=False):
        limits = [
            (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"])
            for name in ("northwind", "northwind", "southwind", "nowhere")
            for response in [program.get("/v1/health", X_Hydra_Organization=name)]
        ]

    assert limits == [("300", "299"), ("300", "298"), ("120", "119"), ("60", "59")]


def test_a_token_of_nobodys_organization_says_so(sam: User) -> None:
    program = Api(make_token(sam, permissions=EVERYTHING)[1])

    assert read(program.get("/api/v1/orgs"))["data"] == []
    assert program.get("/api/v1/environments").status_code == 404


def test_two_tokens_of_one_person_are_not_shown_each_others_answers(
    northwind: Organization, max: User
) -> None:
    one, other = (Api(make_token(max, permissions=EVERYTHING)[1]) for _ in range(2))
    body = {"name": "Staging"}

    assert one.post("/api/v1/environments", body, Idempotency_Key="k").status_code == 201
    assert other.post("/api/v1/environments", body, Idempotency_Key="k").status_code == 422


def test_where_two_factor_is_wanted_a_token_of_somebody_without_is_refused(
    program: Api, northwind: Organization
) -> None:
    northwind.requires_two_factor = True
    northwind.save()

    refused = program.get("/v1/health", X_Hydra_Organization="northwind")

    assert read(refused, 403)["error"]["code"] == "two_factor_required"
    assert program.get("/v1/health", X_Hydra_Organization="southwind").status_code == 200


def test_a_closed_organization_refuses_tokens_too(program: Api, northwind: Organization) -> None:
    northwind.suspended_at, northwind.suspension_reason = timezone.now(), "Unpaid."
    northwind.save()

    assert program.get("/v1/health", X_Hydra_Organization="northwind").status_code == 403
    assert program.get("/v1/health", X_Hydra_Organization="southwind").status_code == 200
