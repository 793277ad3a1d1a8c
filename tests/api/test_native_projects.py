"""Projects, as the native face shows and takes them."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from deployments.models import State
from orgs.models import Organization
from projects.models import Project
from tests import factories
from tests.api.client import Api, read, timeless


def test_a_project_is_created_as_the_seed_shows(api: Api) -> None:
    body = {
        "name": "My App",
        "orgSlug": "northwind",
        "framework": "NEXTJS",
        "appType": "STATIC",
        "description": "Mine",
    }

    created = read(api.post("/api/v1/projects", body), 201)["data"]

    assert timeless(created) == {
        "id": Project.objects.get().uid,
        "name": "My App",
        "slug": "my-app",
        "code": "my-app",
        "description": "Mine",
        "icon": None,
        "framework": "NEXTJS",
        "appType": "STATIC",
        "build_command": "",
        "install_command": "",
        "output_dir": "",
        "environments": [],
        "applications": [],
        "domains": [],
        "current_deployment": None,
    }
    for named in (created["id"], "my-app"):
        assert read(api.get(f"/api/v1/projects/{named}"))["data"] == created
    assert read(api.get("/api/v1/projects?org=northwind"))["data"] == [created]


def test_a_code_that_is_made_from_a_name_is_free(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="my-app")

    created = read(api.post("/api/v1/projects", {"name": "My App"}), 201)["data"]

    assert created["slug"] == "my-app-2"


def test_a_taken_code_is_409(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="shop")

    answer = read(api.post("/api/v1/projects", {"name": "Shop", "code": "shop"}), 409)

    assert answer["code"] == "code_taken"


@pytest.mark.parametrize("slug", ["southwind", "nowhere"])
def test_another_organization_takes_no_project(
    api: Api, southwind: Organization, slug: str
) -> None:
    body = {"name": "Shop", "orgSlug": slug}

    assert read(api.post("/api/v1/projects", body), 404)["code"] == "not_found"
    assert read(api.get(f"/api/v1/projects?org={slug}"), 404)["code"] == "not_found"
    assert not Project.objects.exists()


def test_a_project_is_changed_and_deleted(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="shop")
    body = {"build_command": "make", "install_command": "pip", "output_dir": "out"}

    changed = read(api.patch("/api/v1/projects/shop", body))["data"]

    assert {name: changed[name] for name in body} == body
    assert read(api.delete("/api/v1/projects/shop")) == {"deleted": True}
    assert not Project.objects.exists()


def test_a_project_shows_its_domains_and_what_succeeded_last(
    api: Api, northwind: Organization
) -> None:
    place = factories.make_place(northwind)
    succeeded = factories.make_deployment(place)
    factories.make_deployment(place, State.FAILED)

    listed = read(api.get("/api/v1/projects"))["data"][0]
    found = read(api.get(f"/api/v1/projects/{place.project.uid}"))["data"]

    assert listed == found
    assert found["current_deployment"]["id"] == succeeded.uid
    assert found["current_deployment"]["status"] == "READY"
    domain = f"{place.environment.slug}.{place.project.code}.example.org"
    assert found["domains"] == [f"https://{domain}"]
    assert found["current_deployment"]["deployment_domain"] == domain


def test_a_list_of_projects_costs_the_same_however_long(
    api: Api, northwind: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        factories.make_deployment(factories.make_place(northwind))
    api.get("/v1/health")

    with django_assert_max_num_queries(7):
        assert len(read(api.get("/api/v1/projects"))["data"]) == 5


@pytest.mark.parametrize("field", ["framework", "appType"])
def test_a_projects_framework_is_one_that_the_seed_names(api: Api, field: str) -> None:
    body = {"name": "Site", field: "COBOL"}

    details = read(api.post("/api/v1/projects", body), 400)["details"]

    assert details[0]["location"] == field
    assert "NODEJS" in details[0]["message"]
    assert not Project.objects.filter(name="Site").exists()
    assert read(api.post("/api/v1/projects", {"name": "Site", field: ""}), 201)["data"][field] == ""
