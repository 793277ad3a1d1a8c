"""Hydra's external API, as its seed describes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from deployments.models import Deployment, Evaluation
from orgs.models import Event, Organization
from projects.models import AutoDeployRule, FileType, Override, Project, Version
from tests import factories
from tests.api.client import Api, read
from tests.api.together import at_once

VERSION = "/api/externals/version/create"
PROJECT = "/api/externals/project/create"


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


# --- Create version ----------------------------------------------------------------------------


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


# --- Create project ----------------------------------------------------------------------------


@pytest.fixture
def ground(northwind: Organization) -> Organization:
    """What the seed's example takes for granted."""
    for name in ("Development", "Staging", "Production"):
        factories.make_environment(northwind, name)
    backend = factories.make_application(northwind, "Backend", code="backend")
    factories.make_config_file(backend, "app.env", "NODE_ENV=base\nPORT=80\n")
    factories.make_config_file(backend, "app.json", "{}", file_type=FileType.JSON)
    factories.make_agent(northwind, "production-server")
    return northwind


def example() -> dict[str, Any]:
    """The seed's, word for word."""
    return {
        "name": "My Project",
        "code": "my-project",
        "environments": ["Development", "Staging", "Production"],
        "connectedApps": [
            {
                "appCode": "backend",
                "autoDeployRules": {
                    "Development": {"rule": "main", "enabled": True},
                    "Staging": {"rule": "v[0-9]+\\.[0-9]+\\.[0-9]+", "enabled": True},
                },
                "configs": {
                    "app.env": {
                        "Development": "NODE_ENV=development\nPORT=3000",
                        "Staging": "NODE_ENV=staging\nPORT=3000",
                    }
                },
            }
        ],
        "agents": [{"name": "production-server"}],
    }


def test_a_project_is_created_with_all_that_is_named(ground: Organization) -> None:
    _, token = factories.make_key(ground)

    shown = read(Api().post(PROJECT, {"key": token, **example()}), 201)

    project = Project.objects.get()
    to_development, to_staging = AutoDeployRule.objects.order_by("pk")
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": project.uid,
        "name": "My Project",
        "code": "my-project",
        "slug": "my-project",
        "environments": ["Development", "Staging", "Production"],
        "connectedApps": [
            {
                "appCode": "backend",
                "autoDeployRules": {
                    "Development": {"id": to_development.uid, "rule": "main", "enabled": True},
                    "Staging": {
                        "id": to_staging.uid,
                        "rule": "v[0-9]+\\.[0-9]+\\.[0-9]+",
                        "enabled": True,
                    },
                },
                "configs": {"app.env": ["Development", "Staging"]},
            }
        ],
        "agents": [
            {"id": project.project_agents.get().agent.uid, "name": "production-server"},
        ],
    }
    assert Override.objects.order_by("pk")[0].open_content() == "NODE_ENV=development\nPORT=3000"


def test_the_smallest_project_has_a_name_and_a_code(ci: Api) -> None:
    shown = read(ci.post(PROJECT, {"name": "Small", "code": "small"}), 201)

    assert (shown["environments"], shown["connectedApps"], shown["agents"]) == ([], [], [])


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """The example with one thing in it replaced, or added."""
    body: Any = example()
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return dict(body)


@pytest.mark.parametrize(
    ("body", "named", "location"),
    [
        (changed("environments", 1, to="Nowhere"), "Nowhere", "environments.1"),
        (changed("connectedApps", 0, "appCode", to="none"), "none", "connectedApps.0.appCode"),
        (
            changed("connectedApps", 0, "configs", "no.env", to={"Staging": ""}),
            "no.env",
            "connectedApps.0.configs.no.env",
        ),
        (changed("agents", 0, "name", to="nobody"), "nobody", "agents.0.name"),
    ],
)
def test_what_is_missing_is_404_and_named_and_nothing_is_left_behind(
    ci: Api, ground: Organization, body: object, named: str, location: str
) -> None:
    answer = read(ci.post(PROJECT, body), 404)

    assert named in answer["error"]
    assert location in [detail["location"] for detail in answer["details"]]
    assert not Project.objects.exists()
    assert not AutoDeployRule.objects.exists()
    assert not Event.objects.filter(verb="project.created").exists()


def test_a_taken_code_is_409(ci: Api, ground: Organization) -> None:
    factories.make_project(ground, code="my-project")

    assert read(ci.post(PROJECT, example()), 409)["code"] == "code_taken"
    assert Project.objects.count() == 1


RULES = ("connectedApps", 0, "autoDeployRules")
CONFIGS = ("connectedApps", 0, "configs")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (
            changed(*RULES, "Staging", "rule", to="v(1"),
            "connectedApps.0.autoDeployRules.Staging.rule",
        ),
        (
            changed(*RULES, "Staging", "rule", to="(?=v)"),
            "connectedApps.0.autoDeployRules.Staging.rule",
        ),
        (changed(*RULES, "Staging", "rule", to=5), "connectedApps.0.autoDeployRules.Staging.rule"),
        (
            changed(*RULES, "Staging", "enabled", to="yes"),
            "connectedApps.0.autoDeployRules.Staging.enabled",
        ),
        (changed(*RULES, to=[]), "connectedApps.0.autoDeployRules"),
        (
            changed(*CONFIGS, "app.json", to={"Staging": '{"a":'}),
            "connectedApps.0.configs.app.json.Staging",
        ),
        (changed(*CONFIGS, "app.env", to="PORT=1"), "connectedApps.0.configs.app.env"),
        (changed("connectedApps", 0, to={}), "connectedApps.0.appCode"),
        (changed("connectedApps", to={}), "connectedApps"),
        (changed("agents", to=["production-server"]), "agents.0"),
        (changed("environments", to="Staging"), "environments"),
        (changed("environments", 0, to=7), "environments.0"),
        (changed("name", to=""), "name"),
        (changed("code", to="has space"), "code"),
    ],
)
def test_what_is_wrong_is_400_with_the_path_of_the_field(
    ci: Api, ground: Organization, body: object, location: str
) -> None:
    answer = read(ci.post(PROJECT, body), 400)

    assert [detail["location"] for detail in answer["details"]] == [location]
    assert not Project.objects.exists()


def test_a_project_needs_the_permission_to_create_one(ground: Organization) -> None:
    _, token = factories.make_key(ground, permissions=["project.*.read"])

    answer = read(Api(token).post(PROJECT, example()), 403)

    assert answer["error"] == "This needs the permission project.*.create."


def test_nothing_of_another_organization_is_found(their_api: Api, ground: Organization) -> None:
    answer = read(their_api.post(PROJECT, example()), 404)

    assert len(answer["details"]) == 5
    assert not Project.objects.exists()
