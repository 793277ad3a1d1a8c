"""Creating projects from outside, as the seed of the externals describes it."""

from __future__ import annotations

from typing import Any

import pytest

from orgs.models import Event, Organization
from projects.models import AutoDeployRule, FileType, Override, Project
from tests import factories
from tests.api.client import Api, read

PROJECT = "/api/externals/project/create"


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
