"""Keys at the gate of every face: which are good, where they may stand, how a bad one is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hydra import keys
from orgs.models import ApiKey, Organization, User
from tests import factories
from tests.api.client import FACES, NOT_VALID, Api, new_address
from tests.conftest import signed_in


def without_ids(response: HttpResponse) -> Any:
    """The body, as if all answers had the same request id."""
    return json.loads(response.content.decode().replace(response["X-Request-Id"], "req_"))


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


# --- The key of the externals ----------------------------------------------------------------


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
