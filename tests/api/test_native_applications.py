"""Applications with their files, steps and versions, as the native face shows and takes them."""

from __future__ import annotations

import pytest

from orgs.models import Organization
from projects.models import Application
from tests import factories
from tests.api.client import Api, read, timeless


def test_an_application_is_created_listed_and_found_by_id_and_code(api: Api) -> None:
    created = read(api.post("/api/v1/applications", {"name": "Web Shop"}), 201)["data"]

    assert timeless(created) == {
        "id": Application.objects.get().uid,
        "name": "Web Shop",
        "code": "web-shop",
        "description": "",
        "icon": None,
        "moving_names": "main|master|trunk|develop|latest|nightly|edge",
        "latest_version": None,
    }
    assert read(api.get("/api/v1/applications"))["data"] == [created]
    for named in (created["id"], "web-shop"):
        assert read(api.get(f"/api/v1/applications/{named}"))["data"] == created


@pytest.mark.parametrize("pattern", ["main|feature/.*", ""])
def test_an_application_is_created_with_its_moving_names(api: Api, pattern: str) -> None:
    body = {"name": "Shop", "moving_names": pattern}

    created = read(api.post("/api/v1/applications", body), 201)["data"]

    assert created["moving_names"] == Application.objects.get().moving_names == pattern


def test_a_bad_pattern_of_moving_names_is_400_at_its_place(api: Api) -> None:
    body = {"name": "Shop", "moving_names": "feature/("}

    answer = read(api.post("/api/v1/applications", body), 400)

    assert [error["location"] for error in answer["details"]] == ["moving_names"]
    assert not Application.objects.exists()


def test_an_application_shows_its_latest_version(api: Api, northwind: Organization) -> None:
    application = factories.make_application(northwind, code="shop")
    factories.make_version(application, "v1.0.0")
    factories.make_version(application, "v1.1.0")

    assert read(api.get("/api/v1/applications/shop"))["data"]["latest_version"] == "v1.1.0"
    assert read(api.get("/api/v1/applications"))["data"][0]["latest_version"] == "v1.1.0"


def test_an_application_is_changed_and_deleted(api: Api, northwind: Organization) -> None:
    factories.make_application(northwind, code="shop")

    changed = read(api.patch("/api/v1/applications/shop", {"description": "Sells"}))["data"]
    assert changed["description"] == "Sells"
    assert read(api.delete("/api/v1/applications/shop")) == {"deleted": True}
    assert not Application.objects.exists()


def test_config_files_are_created_and_listed(api: Api, northwind: Organization) -> None:
    application = factories.make_application(northwind, code="shop")
    body = {"name": "app.env", "type": "DOTENV", "content": "PORT=80\n"}

    created = read(api.post("/api/v1/applications/shop/configs", body), 201)["data"]

    assert timeless(created) == {
        **body,
        "id": application.config_files.get().uid,
        "version_pattern": "",
    }
    assert read(api.get("/api/v1/applications/shop/configs"))["data"] == [created]


def test_an_unparsable_config_is_400_and_an_escaping_name_too(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    broken = {"name": "a.json", "type": "JSON", "content": '{"a": '}
    escaping = {"name": "../../etc/passwd", "type": "TXT", "content": ""}
    unknown = {"name": "a.yaml", "type": "YAML", "content": ""}

    for body, place in ((broken, "content"), (escaping, "name"), (unknown, "type")):
        answer = read(api.post("/api/v1/applications/shop/configs", body), 400)
        assert answer["details"][0]["location"] == place
    assert not Application.objects.get().config_files.exists()


def test_steps_are_created_at_the_end_and_listed_in_order(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    api.post("/api/v1/applications/shop/steps", {"name": "Stop", "script": "stop"})

    body = {"name": "Start", "script": "start", "timeout_seconds": 5, "safe_to_repeat": True}
    created = read(api.post("/api/v1/applications/shop/steps", body), 201)["data"]

    assert {name: created[name] for name in body} == body
    listed = read(api.get("/api/v1/applications/shop/steps"))["data"]
    assert [(step["position"], step["name"]) for step in listed] == [(0, "Stop"), (1, "Start")]


def test_versions_are_created_with_their_receipt_and_listed_newest_first(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    path = "/api/v1/applications/shop/versions"
    api.post(path, {"name": "v1.0.0"})

    created = read(api.post(path, {"name": "v1.1.0", "tags": ["stable"]}), 201)["data"]
    replayed = read(api.post(path, {"name": "v1.1.0"}), 200)["data"]

    assert (created["name"], created["tags"], created["decisions"]) == ("v1.1.0", ["stable"], [])
    assert replayed == {**created, "replayed": True}
    assert [row["name"] for row in read(api.get(path))["data"]] == ["v1.1.0", "v1.0.0"]
