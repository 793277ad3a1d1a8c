"""The description of the API: valid, complete, and readable without anything from elsewhere."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from hydra.api import docs
from orgs.models.rights import PersonalRight, Right, permission
from tests.api.client import assert_described


@pytest.fixture
def described(db: None) -> Any:
    response = Client().get("/api/schema/")
    assert response["Content-Type"] == "application/vnd.oai.openapi+json"
    return json.loads(response.content)


def test_the_description_is_valid_openapi_3_1(described: Any) -> None:
    validate_schema(described)  # type: ignore[no-untyped-call]  # spectacular's

    assert described["openapi"].startswith("3.1")


def test_every_route_of_every_face_is_described(described: Any) -> None:
    assert {path.split("/")[1] for path in described["paths"]} == {"api", "v1", "v2"}
    names = [operation["operationId"] for operation in operations(described)]
    assert len(names) == len(set(names)) > 35


def operations(described: Any) -> list[Any]:
    return [route for methods in described["paths"].values() for route in methods.values()]


def test_every_reference_leads_somewhere(described: Any) -> None:
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described))

    assert set(references) <= described["components"]["schemas"].keys()


def test_every_permission_that_is_named_exists(described: Any) -> None:
    known = {permission(right) for right in (*Right, *PersonalRight)}
    named = {route["x-permission"] for route in operations(described) if "x-permission" in route}

    assert named <= known


def test_a_repeat_a_redirect_and_a_body_too_large_are_described(described: Any) -> None:
    paths = described["paths"]

    assert {"200", "201", "413"} <= paths["/api/externals/version/create"]["post"][
        "responses"
    ].keys()
    assert {"200", "201"} <= paths["/api/v1/applications/{uid}/versions"]["post"][
        "responses"
    ].keys()
    assert "307" in paths["/api/v1/deployments/{uid}/logs"]["get"]["responses"]


def test_an_answer_that_is_not_described_fails_the_test_that_sees_it() -> None:
    assert_described("GET", "/api/v1/projects?limit=1", 200)

    with pytest.raises(AssertionError, match="answered 418"):
        assert_described("GET", "/api/v1/projects/prj_1", 418)


def test_the_page_needs_no_session_and_nothing_from_elsewhere(db: None) -> None:
    response = Client().get("/api/docs/")

    page = response.content.decode()
    assert response.status_code == 200
    assert not response.cookies
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert not re.findall(r"<script>|<style|style=|onclick=", page)


def test_the_page_shows_every_route_and_every_code(db: None, described: Any) -> None:
    page = Client().get("/api/docs/").content.decode()

    for path in described["paths"]:
        assert f"<code>{path}</code>" in page
    for code in docs.CODES:
        assert f'id="error-{code.name}"' in page


def test_who_ask_for_it_first_and_at_once_get_the_same_one() -> None:
    docs.make_description.cache_clear()
    together = Barrier(4)

    def ask(_: int) -> dict[str, Any]:
        together.wait(timeout=30)
        return docs.description()

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(ask, range(4))
    assert all(other is first for other in others)
