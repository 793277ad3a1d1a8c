"""Bodies at the gate of the API: too large, without a length, malformed, of wrong types."""

from __future__ import annotations

import json

import pytest

from orgs.models import Organization
from tests import factories
from tests.api.client import Api, read


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_over_one_mebibyte_is_413(api: Api, method: str) -> None:
    factories.make_project(Organization.objects.get(), code="shop")
    path = "/api/v1/projects" if method == "POST" else "/api/v1/projects/shop"
    body = json.dumps({"name": "x", "description": "y" * 1024 * 1024}).encode()

    response = api.send(method, path, body)

    assert read(response, 413)["code"] == "too_large"
    assert read(response, 413)["details"] == [
        {"location": "body", "message": "A body has at most 1,048,576 bytes."}
    ]


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
