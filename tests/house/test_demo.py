"""The demo that `make up` shows."""

import json
import stat
from pathlib import Path

import pytest
from django.test import Client

from agents.models import Agent
from hydra import keys
from hydra.cli.demo import make_demo, next_version
from orgs.models import SYSTEM, ApiKey, Organization, Plan
from projects.models import Application, Project, ProjectAgent
from projects.services import projects
from tests import factories

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:8000"


def test_the_demo_is_whole(tmp_path: Path) -> None:
    demo = make_demo(tmp_path, URL)

    org = Organization.objects.get(slug=demo.organization)
    project = Project.objects.get(org=org, code=demo.project)
    assert org.plan == Plan.ENTERPRISE
    assert [e.name for e in org.environments.all()] == ["Development", "Staging", "Production"]
    assert project.project_applications.get().application.code == demo.application
    assert project.rules.count() == project.overrides.count() == 3
    assert all(link.url for link in project.project_environments.all())
    assert project.project_applications.get().application.steps.count() == 2
    link = ProjectAgent.objects.get(project=project)
    assert (link.agent.digest, link.environment) == (keys.digest(demo.agent_key), None)
    assert ApiKey.objects.get(org=org).digest == keys.digest(demo.api_key)
    assert Client().login(email=demo.email, password=demo.password)


def test_demo_json_says_everything_to_its_owner_alone(tmp_path: Path) -> None:
    demo = make_demo(tmp_path, URL)

    place = tmp_path / "demo.json"
    facts = json.loads(place.read_text())
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert facts == {
        "url": URL,
        "email": "demo@hydra.localhost",
        "password": demo.password,
        "api_key": demo.api_key,
        "agent_key": demo.agent_key,
        "organization": "demo",
        "project": "web-shop",
        "application": "shop-api",
        "environments": ["Development", "Staging", "Production"],
    }
    assert demo.api_key not in repr(demo)


def test_a_second_time_keeps_everything_as_people_left_it(tmp_path: Path) -> None:
    first = make_demo(tmp_path, URL)
    project = Project.objects.get(code=first.project)
    projects.update_project(project, changes={"name": "My shop"}, by=SYSTEM)

    second = make_demo(tmp_path, "http://127.0.0.1:9000")

    assert (second.api_key, second.agent_key, second.password) == (
        first.api_key,
        first.agent_key,
        first.password,
    )
    assert second.url == "http://127.0.0.1:9000"
    assert Project.objects.get().name == "My shop"
    assert (ApiKey.objects.count(), Agent.objects.count()) == (1, 1)


def test_lost_secrets_are_renewed_and_old_ones_are_worth_nothing(tmp_path: Path) -> None:
    first = make_demo(tmp_path, URL)
    (tmp_path / "demo.json").write_text("not json")

    second = make_demo(tmp_path, URL)

    assert second.api_key != first.api_key
    assert Client().login(email=second.email, password=second.password)
    live = Agent.objects.filter(revoked_at=None)
    assert [agent.digest for agent in live] == [keys.digest(second.agent_key)]
    assert ProjectAgent.objects.filter(agent__in=live).count() == 1


def test_each_time_the_version_to_try_is_a_new_one(tmp_path: Path) -> None:
    demo = make_demo(tmp_path, URL)
    application = Application.objects.get(org__slug=demo.organization)
    assert next_version(demo) == "v1.0.0"

    for name, then in (("v1.0.0", "v1.0.1"), ("v1.0.9", "v1.0.10"), ("main", "v1.0.10")):
        factories.make_version(application, name)
        assert next_version(demo) == then
    factories.make_version(application, "v2.0.0-rc1")
    assert next_version(demo) == "v2.0.1"
