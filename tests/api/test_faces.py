"""The gate: what every answer of every face has, and how each face words an error."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hydra import keys
from hydra.faces import FAILURES_PER_MINUTE
from orgs.models import ApiKey, Environment, Organization, Plan, User
from tests import factories
from tests.api.client import Api, new_address, read
from tests.conftest import signed_in

NOON = 1_763_726_400
A_ROUTE_OF_EACH_FACE = [
    ("GET", "/api/v1/projects"),
    ("POST", "/api/externals/version/create"),
    ("POST", "/v2/deploy.getDeployment"),
    ("GET", "/v1/health"),
]
FACES = pytest.mark.parametrize(("method", "path"), A_ROUTE_OF_EACH_FACE)

NOT_VALID = "This API key is not valid. Create one under Settings, API Keys."


def without_ids(response: HttpResponse) -> Any:
    """The body, as if all answers had the same request id."""
    return json.loads(response.content.decode().replace(response["X-Request-Id"], "req_"))


# --- Each dialect ------------------------------------------------------------------------------


def test_the_native_face_words_an_error_as_a_sentence(api: Api) -> None:
    response = api.get("/api/v1/projects/nowhere")

    assert read(response, 404) == {
        "error": "There is no project nowhere.",
        "code": "not_found",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_the_externals_word_an_error_as_the_native_face_does(api: Api) -> None:
    response = api.post("/api/externals/version/create?appCode=nothing&version=v1")

    assert read(response, 404) == {
        "error": "There is no application nothing.",
        "code": "not_found",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_the_rpc_face_words_an_error_with_meta_title_and_errors(api: Api) -> None:
    response = api.post("/v2/deploy.getDeployment", {})

    assert read(response, 400) == {
        "meta": {"requestId": response["X-Request-Id"]},
        "error": {
            "title": "Bad Request",
            "detail": "deploymentId: This field is required.",
            "status": 400,
            "type": "http://127.0.0.1:8000/api/docs/#error-invalid",
            "errors": [{"location": "deploymentId", "message": "This field is required."}],
        },
    }


def test_the_key_check_words_an_error_as_code_and_message(db: None) -> None:
    assert read(Api().get("/v1/health"), 401) == {
        "error": {"code": "unauthorized", "message": NOT_VALID}
    }


def test_the_key_check_says_whose_key_works(ci: Api, northwind: Organization) -> None:
    shown = read(ci.get("/v1/health"))

    assert shown["data"]["status"] == "ok"
    assert shown["data"]["organization"]["slug"] == northwind.slug
    assert shown["data"].keys() == {"status", "organization", "time"}


# --- Every answer ------------------------------------------------------------------------------


def assert_dressed(response: HttpResponse) -> None:
    assert response["X-Request-Id"].startswith("req_")
    for header in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
        assert response[header].lstrip("-").isdigit()
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Length"] == str(len(response.content))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/json"
    assert not response.cookies
    assert "Access-Control-Allow-Origin" not in response


@FACES
def test_every_answer_has_the_request_id_and_the_limits(api: Api, method: str, path: str) -> None:
    for program in (api, Api(), Api("hyd_live_nonsense")):
        assert_dressed(program.send(method, path, None, Origin="https://elsewhere.example"))
    assert_dressed(api.send("PUT", path, None))
    assert_dressed(api.send(method, f"{path}/of/nothing", None))
    assert_dressed(api.send("POST", path, b"x" * (1024 * 1024 + 1)))
    assert_dressed(api.send("POST", path, b"{"))


def test_the_request_id_is_ours_whatever_the_caller_sends(api: Api) -> None:
    response = api.get("/api/v1/nothing", X_Request_Id="theirs-12345678")

    assert response["X-Request-Id"].startswith("req_")
    assert read(response, 404)["request_id"] == response["X-Request-Id"]


@FACES
def test_an_unknown_address_is_404_in_the_dialect_of_its_face(
    api: Api, method: str, path: str
) -> None:
    response = api.send(method, path + "-unknown", None)

    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/projects/", "/v1/health/", "/api/v1/", "/v2/"])
def test_no_address_is_redirected_to_one_with_or_without_a_slash(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


@FACES
def test_a_method_that_is_not_there_is_405_and_says_which_are(
    api: Api, method: str, path: str
) -> None:
    response = api.send("PUT", path, None)

    assert response.status_code == 405
    assert method in response["Allow"].split(", ")
    assert "PUT" not in response["Allow"]


def test_head_is_get_without_a_body(api: Api) -> None:
    response = api.send("HEAD", "/api/v1/projects", None)

    assert (response.status_code, response.content) == (200, b"")


def test_a_bug_is_500_in_the_dialect_without_a_trace(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr("orgs.api.environments.show_environment", broken)
    Environment.objects.create(org=Organization.objects.get(), name="Staging", slug="staging")

    response = api.get("/api/v1/environments")

    assert_dressed(response)
    assert read(response, 500) == {
        "error": "Something went wrong on our side. Try again, or tell us the request id.",
        "code": "internal_error",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_a_host_that_is_not_ours_is_refused(api: Api) -> None:
    assert api.get("/api/v1/projects", Host="evil.example").status_code == 400


# --- The key -----------------------------------------------------------------------------------


def make_refused_tokens(org: Organization) -> dict[str, str]:
    yesterday = timezone.now() - timedelta(days=1)
    _, expired = factories.make_key(org, expires_at=yesterday)
    _, revoked = factories.make_key(org, revoked_at=yesterday)
    _, good = factories.make_key(org)
    return {
        "none": "",
        "unknown": keys.new_token(keys.API_KEY),
        "expired": expired,
        "revoked": revoked,
        "bad checksum": good[:-1] + ("a" if good[-1] != "a" else "b"),
        "wrong case": good.swapcase(),
        "truncated": good[:-5],
        "an agent's": keys.new_token(keys.AGENT_KEY),
        "garbage": "hyd_live_'; DROP TABLE orgs_apikey",
    }


@FACES
def test_every_key_that_is_no_good_gets_the_same_401(
    northwind: Organization, method: str, path: str
) -> None:
    answers = [
        without_ids(Api(token).send(method, path, None))
        for token in make_refused_tokens(northwind).values()
    ]

    assert all(answer == answers[0] for answer in answers)
    assert NOT_VALID in json.dumps(answers[0])


def test_a_401_says_how_to_authenticate(db: None) -> None:
    response = Api().get("/api/v1/projects")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_bad_checksum_costs_no_query_and_a_good_one_costs_one(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, token = factories.make_key(northwind)

    with django_assert_num_queries(0):
        assert Api(token[:-1] + "!").get("/v1/health").status_code == 401
    with django_assert_num_queries(1):
        assert Api(keys.new_token(keys.API_KEY)).get("/v1/health").status_code == 401
    assert Api(token).get("/v1/health").status_code == 200  # notes the use
    with django_assert_num_queries(1):
        assert Api(token).get("/v1/health").status_code == 200


def test_a_revoked_key_is_refused_at_once(northwind: Organization) -> None:
    key, token = factories.make_key(northwind)
    program = Api(token)
    assert program.get("/v1/health").status_code == 200

    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())

    assert program.get("/v1/health").status_code == 401


@FACES
def test_no_session_cookie_is_honoured(olivia: User, method: str, path: str) -> None:
    browser: Client = signed_in(olivia)

    response = browser.generic(method, path, headers={}, REMOTE_ADDR=new_address())

    assert response.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_taken_in_any_case(northwind: Organization, scheme: str) -> None:
    _, token = factories.make_key(northwind)

    assert Api().get("/v1/health", Authorization=f"{scheme} {token}").status_code == 200


def test_the_native_face_takes_no_key_from_the_address_or_the_body(
    northwind: Organization,
) -> None:
    _, token = factories.make_key(northwind)

    assert Api().get(f"/api/v1/projects?key={token}").status_code == 401
    assert Api().post("/api/v1/projects", {"key": token, "name": "Shop"}).status_code == 401


# --- The key of the externals ------------------------------------------------------------------

CREATE = "/api/externals/version/create?appCode=none&version=v1"


def test_the_externals_take_the_key_from_body_address_or_header(northwind: Organization) -> None:
    _, token = factories.make_key(northwind)

    for response in (
        Api().post(CREATE, {"key": token}),
        Api().post(f"{CREATE}&key={token}"),
        Api(token).post(CREATE),
        Api(token).post(f"{CREATE}&key={token}", {"key": token}),
    ):
        assert response.status_code == 404


def test_two_keys_that_differ_are_401_even_if_both_are_good(northwind: Organization) -> None:
    _, one = factories.make_key(northwind)
    _, other = factories.make_key(northwind)

    for response in (
        Api(one).post(CREATE, {"key": other}),
        Api(one).post(f"{CREATE}&key={other}"),
        Api().post(f"{CREATE}&key={one}", {"key": other}),
        Api().post(f"{CREATE}&key={one}&key={other}"),
        Api(one).post(CREATE, {"key": 1}),
    ):
        assert response.status_code == 401


def test_a_key_in_the_address_is_answered_with_a_deprecation(northwind: Organization) -> None:
    _, token = factories.make_key(northwind)

    assert Api().post(f"{CREATE}&key={token}")["Deprecation"].startswith("@")
    assert "Deprecation" not in Api().post(CREATE, {"key": token})


# --- The body ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_over_one_mebibyte_is_413(api: Api, method: str) -> None:
    factories.make_project(Organization.objects.get(), code="shop")
    path = "/api/v1/projects" if method == "POST" else "/api/v1/projects/shop"
    body = json.dumps({"name": "x", "description": "y" * 1024 * 1024}).encode()

    response = api.send(method, path, body)

    assert read(response, 413)["code"] == "too_large"


def test_a_body_in_chunks_is_asked_for_with_a_length(api: Api) -> None:
    response = api.post("/api/v1/projects", {"name": "Shop"}, Transfer_Encoding="chunked")

    assert read(response, 411)["code"] == "length_required"


def test_malformed_json_is_400_with_the_place(api: Api) -> None:
    response = api.post("/api/v1/projects", b'{"name": "Shop",}')

    assert read(response, 400)["code"] == "malformed_json"
    assert read(response, 400)["details"] == [
        {
            "location": "body, line 1, column 17",
            "message": "The body is not JSON: expecting property name enclosed in double quotes "
            "at line 1, column 17.",
            "fix": "Send one JSON object in UTF-8.",
        }
    ]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"name": 5}, "name"),
        ({"name": ["a"]}, "name"),
        ({"name": None}, "name"),
        ({"name": True}, "name"),
        ({}, "name"),
        ({"name": "Shop", "description": {}}, "description"),
    ],
)
def test_a_wrong_type_is_400_with_the_place(api: Api, body: object, location: str) -> None:
    response = api.post("/api/v1/projects", body)

    assert [detail["location"] for detail in read(response, 400)["details"]] == [location]


def test_a_nul_in_the_address_is_refused(api: Api) -> None:
    assert api.get("/api/v1/projects/a%00b").status_code == 404
    response = api.post("/api/externals/version/create?appCode=a%00&version=v1")
    assert read(response, 400)["details"][0]["location"] == "query.appCode"


# --- Limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "limit"),
    [(Plan.FREE, 60), (Plan.STARTER, 120), (Plan.TEAM, 300), (Plan.ENTERPRISE, 1000)],
)
def test_the_plan_sets_the_limit(northwind: Organization, plan: Plan, limit: int) -> None:
    Organization.objects.filter(pk=northwind.pk).update(plan=plan)
    _, token = factories.make_key(northwind)

    response = Api(token).get("/v1/health")

    assert response["X-RateLimit-Limit"] == str(limit)
    assert response["X-RateLimit-Remaining"] == str(limit - 1)


@pytest.mark.parametrize(("override", "limit"), [(5000, "5000"), (-1, "-1")])
def test_a_site_administrator_may_raise_or_lift_the_limit(
    northwind: Organization, override: int, limit: str
) -> None:
    Organization.objects.filter(pk=northwind.pk).update(requests_per_minute=override)
    _, token = factories.make_key(northwind)

    assert Api(token).get("/v1/health")["X-RateLimit-Limit"] == limit


def test_one_request_too_many_is_429_and_says_when_to_come_back(northwind: Organization) -> None:
    Organization.objects.filter(pk=northwind.pk).update(requests_per_minute=2)
    program = Api(factories.make_key(northwind)[1])
    colleague = Api(factories.make_key(northwind)[1])

    with time_machine.travel(NOON + 15, tick=False):
        answers = [program.get("/api/v1/projects") for _ in range(3)]
        assert colleague.get("/api/v1/projects").status_code == 200  # each key has its own

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refusal = answers[-1]
    assert read(refusal, 429)["code"] == "rate_limited"
    assert refusal["Retry-After"] == "45"
    assert refusal["X-RateLimit-Limit"] == "2"
    assert refusal["X-RateLimit-Remaining"] == "0"
    assert refusal["X-RateLimit-Reset"] == str(NOON + 60)
    with time_machine.travel(NOON + 60, tick=False):
        assert program.get("/api/v1/projects").status_code == 200


def test_an_address_that_guesses_keys_is_stopped_before_the_database_is_asked(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    guesser = Api(keys.new_token(keys.API_KEY))
    with time_machine.travel(NOON, tick=False):
        answers = [guesser.get("/v1/health") for _ in range(FAILURES_PER_MINUTE)]
        assert {answer.status_code for answer in answers} == {401}
        assert answers[-1]["X-RateLimit-Remaining"] == "0"

        with django_assert_num_queries(0):
            refusal = guesser.get("/v1/health")

    assert refusal.status_code == 429
    assert refusal["Retry-After"] == "60"


def test_a_neighbour_whose_key_worked_before_is_not_locked_out(northwind: Organization) -> None:
    address = new_address()
    neighbour = Api(factories.make_key(northwind)[1], address=address)
    stranger = Api(factories.make_key(northwind)[1], address=address)
    guesser = Api("hyd_live_guess", address=address)
    with time_machine.travel(NOON, tick=False):
        assert neighbour.get("/v1/health").status_code == 200
        for _ in range(FAILURES_PER_MINUTE + 1):
            guesser.get("/v1/health")

        assert neighbour.get("/v1/health").status_code == 200
        assert stranger.get("/v1/health").status_code == 429
