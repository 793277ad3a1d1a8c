"""Creating versions from outside, as the seed of the externals describes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from deployments.models import Deployment, Evaluation
from orgs.models import Event, Organization
from projects.models import AutoDeployRule, Project, Version
from tests import factories
from tests.api.client import Api, read
from tests.together import at_once

VERSION = "/api/externals/version/create"


@pytest.fixture
def shop(northwind: Organization) -> Project:
    """A project with an application, two environments, an agent, and a rule for each."""
    development = factories.make_environment(northwind, "Development")
    staging = factories.make_environment(northwind, "Staging")
    application = factories.make_application(northwind, "Backend", code="backend")
    factories.make_step(application)
    agent, _ = factories.make_agent(northwind, "server-1")
    project = factories.make_project(
        northwind,
        "Shop",
        code="shop",
        environments=[development, staging],
        applications=[application],
        agents=[agent],
    )
    factories.make_rule(project, application, development, pattern="main")
    factories.make_rule(project, application, staging, pattern=r"v[0-9]+\.[0-9]+\.[0-9]+")
    return project


def test_a_version_is_created_and_the_answer_is_the_receipt(ci: Api, shop: Project) -> None:
    response = ci.post(f"{VERSION}?appCode=backend&version=v1.2.3")

    shown = read(response, 201)
    version, deployment = Version.objects.get(), Deployment.objects.get()
    to_main, to_staging = AutoDeployRule.objects.order_by("pk")
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": version.uid,
        "name": "v1.2.3",
        "version": "v1.2.3",
        "build": 1,
        "application": "backend",
        "tags": [],
        "commit": "",
        "message": "",
        "author": "",
        "image": "",
        "notes": "",
        "blocked_reason": "",
        "created_by": "pipeline",
        "replayed": False,
        "deployments": [
            {
                "id": deployment.uid,
                "project": "shop",
                "application": "backend",
                "environment": "staging",
                "status": "QUEUED",
                "state": "queued",
                "url": f"http://127.0.0.1:8000/o/northwind/deployments/{deployment.uid}/",
            }
        ],
        "decisions": [
            {
                "rule": to_main.uid,
                "project": "shop",
                "environment": "development",
                "strategy": "regex",
                "pattern": "main",
                "fired": False,
                "reason": "v1.2.3 does not match main.",
            },
            {
                "rule": to_staging.uid,
                "project": "shop",
                "environment": "staging",
                "strategy": "regex",
                "pattern": r"v[0-9]+\.[0-9]+\.[0-9]+",
                "fired": True,
                "reason": "Matched.",
                "deployment": deployment.uid,
            },
        ],
    }


def test_the_seeds_example_works_with_the_key_in_the_address(
    northwind: Organization, shop: Project
) -> None:
    _, token = factories.make_key(northwind)

    response = Api().post(f"{VERSION}?key={token}&appCode=backend&version=main")

    assert read(response, 201)["name"] == "main"
    assert "Deprecation" in response


def test_everything_may_stand_in_the_body(northwind: Organization, shop: Project) -> None:
    _, token = factories.make_key(northwind)
    body = {
        "key": token,
        "appCode": "backend",
        "version": "v2.0.0",
        "commit": "4f2a9c1",
        "message": "Fix it",
        "author": "jo",
        "image": "ghcr.io/acme/backend:v2.0.0",
        "tags": ["stable"],
        "notes": "Read me",
    }

    shown = read(Api().post(VERSION, body), 201)

    told = {name: shown[name] for name in body if name not in ("key", "appCode")}
    assert told == {name: body[name] for name in told}


def test_the_same_version_again_is_the_same_one_and_starts_nothing(ci: Api, shop: Project) -> None:
    first = read(ci.post(f"{VERSION}?appCode=backend&version=v1.2.3"), 201)
    events = Event.objects.count()

    again = read(ci.post(f"{VERSION}?appCode=backend&version=v1.2.3"), 200)

    assert again == {**first, "replayed": True}
    assert (Version.objects.count(), Deployment.objects.count()) == (1, 1)
    assert Event.objects.count() == events


def test_a_moving_name_is_built_again_unless_the_commit_is_known(ci: Api, shop: Project) -> None:
    def create(commit: str, status: int) -> Any:
        body = {"appCode": "backend", "version": "main", "commit": commit}
        return read(ci.post(VERSION, body), status)

    assert create("aaa", 201)["build"] == 1
    assert create("bbb", 201)["build"] == 2
    replayed = create("aaa", 200)
    assert (replayed["build"], replayed["replayed"]) == (1, True)
    assert create("", 201)["build"] == 3


def test_a_version_that_no_rule_wants_costs_five_statements(
    ci: Api, shop: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):  # what is compiled once, and noted once a minute, is not counted
        ci.post(f"{VERSION}?appCode=backend&version=other-{factories.number()}")

    with django_assert_num_queries(5 + 2):  # and, in a test, a savepoint instead of BEGIN
        read(ci.post(f"{VERSION}?appCode=backend&version=nightly-1"), 201)


def test_an_unknown_application_is_404_and_named(ci: Api, shop: Project) -> None:
    response = ci.post(f"{VERSION}?appCode=frontend&version=v1")

    assert read(response, 404)["error"] == "There is no application frontend."
    assert not Version.objects.exists()


def test_an_application_of_another_organization_does_not_exist(
    their_api: Api, shop: Project
) -> None:
    answer = read(their_api.post(f"{VERSION}?appCode=backend&version=v1"), 404)

    assert answer["error"] == "There is no application backend."
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"version": "v1"}, "appCode"),
        ({"appCode": "backend"}, "version"),
        ({"appCode": "backend", "version": ""}, "version"),
        ({"appCode": "backend", "version": 1}, "version"),
        ({"appCode": "backend", "version": "v" * 129}, "version"),
        ({"appCode": "backend", "version": "has space"}, "version"),
        ({"appCode": "backend", "version": "v1", "tags": "stable"}, "tags"),
        ({"appCode": "backend", "version": "v1", "tags": ["a", 1]}, "tags.1"),
        ({"appCode": "backend", "version": "v1", "commit": {}}, "commit"),
    ],
)
def test_what_is_wrong_is_400_with_its_place(
    ci: Api, shop: Project, body: object, location: str
) -> None:
    response = ci.post(VERSION, body)

    assert [detail["location"] for detail in read(response, 400)["details"]] == [location]
    assert not Version.objects.exists()


def test_a_key_without_the_permission_is_403_and_told_which(
    northwind: Organization, shop: Project
) -> None:
    reader = Api(factories.make_key(northwind, permissions=["application.*.read"])[1])
    uid = shop.project_applications.get().application.uid

    answer = read(reader.post(f"{VERSION}?appCode=backend&version=v1"), 403)

    assert answer["code"] == "forbidden"
    assert answer["error"] == f"This needs the permission application.{uid}.create_version."
    assert not Version.objects.exists()


def test_a_key_for_this_one_application_is_enough(northwind: Organization, shop: Project) -> None:
    uid = shop.project_applications.get().application.uid
    _, token = factories.make_key(northwind, permissions=[f"application.{uid}.create_version"])

    assert Api(token).post(f"{VERSION}?appCode=backend&version=v1").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_fifty_identical_creates_at_once_make_one_version(ci: Api, shop: Project) -> None:
    def create(_: int) -> Any:
        response = ci.post(f"{VERSION}?appCode=backend&version=v1.2.3")
        return response.status_code, read(response, response.status_code)

    answers = at_once(50, create)

    assert Counter(status for status, _ in answers) == {201: 1, 200: 49}
    assert (Version.objects.count(), Deployment.objects.count()) == (1, 1)
    assert Evaluation.objects.count() == 1
    assert len({shown["id"] for _, shown in answers}) == 1
    assert {shown["deployments"][0]["id"] for _, shown in answers} == {Deployment.objects.get().uid}
