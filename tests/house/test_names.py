"""What is called something by a form, a face of the API or a service is called it plainly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

import agents.services
from agents.models import Agent
from deployments.models import Webhook
from deployments.services import webhooks
from hydra.errors import Invalid
from orgs.models import ApiKey, Environment, Event, Organization, PersonalToken, User
from orgs.models.rights import Right, permission
from orgs.services import accounts, environments, organizations
from projects.models import Application, Project, Step
from projects.services import applications, projects, steps
from tests import factories
from tests.access_ground import Ground, make_ground
from tests.api.client import Api, read
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

EVIL = "Pay\u202eroll"
WHY = "A name has visible characters and spaces only. Take out U+202E (right-to-left override)."
OF_ORGS: list[Any] = [Organization, Environment, ApiKey, PersonalToken, User]
NAMED = [*OF_ORGS, Agent, Webhook, Project, Application, Step]

Act = Callable[[Ground, User], object]


def change(ground: Ground, olivia: User) -> object:
    return organizations.update_organization(
        ground.org,
        changes={"name": EVIL},
        by=factories.actor_of(olivia),
        user_pk=olivia.pk,
    )


def add_step(ground: Ground, olivia: User) -> object:
    facts = replace(steps.facts_of(ground.step), name=EVIL)
    return steps.create_step(ground.place.application, facts=facts, by=factories.actor_of(olivia))


def change_step(ground: Ground, olivia: User) -> object:
    facts = replace(steps.facts_of(ground.step), name=EVIL)
    return steps.update_step(ground.step, facts=facts, by=factories.actor_of(olivia))


def by(act: Callable[..., object], what: str = "org", **facts: Any) -> Act:
    """A service that is told whom it serves, what it acts on, and what to call it."""

    def done(ground: Ground, olivia: User) -> object:
        things = {
            "org": ground.org,
            "olivia": olivia,
            "environment": ground.environment,
            "project": ground.place.project,
            "application": ground.place.application,
        }
        return act(things[what], **facts, by=factories.actor_of(olivia))

    return done


SERVICES: dict[str, Act] = {
    "found an organization": lambda _ground, olivia: organizations.found_organization(
        name=EVIL, owner=olivia
    ),
    "rename an organization": change,
    "create an environment": by(environments.create_environment, name=EVIL),
    "rename an environment": by(environments.rename_environment, "environment", name=EVIL),
    "create a key": lambda ground, _olivia: factories.make_key(ground.org, name=EVIL),
    "create a token": lambda _ground, olivia: factories.make_token(olivia, name=EVIL),
    "change one's name": by(accounts.change_name, "olivia", name=EVIL),
    "create an agent": by(agents.services.create_agent, name=EVIL),
    "create a webhook": by(
        webhooks.create_webhook, name=EVIL, url="https://receiver.example/hooks"
    ),
    "create a project": by(projects.create_project, name=EVIL, code="evil"),
    "rename a project": by(projects.update_project, "project", changes={"name": EVIL}),
    "create an application": by(applications.create_application, name=EVIL, code="evil"),
    "rename an application": by(
        applications.update_application, "application", changes={"name": EVIL}
    ),
    "add a step": add_step,
    "change a step": change_step,
}


@pytest.fixture
def ground(northwind: Organization) -> Ground:
    return make_ground(northwind)


def called() -> list[object]:
    """What everything is called, and how much has happened."""
    names = [sorted(model.objects.values_list("name", flat=True)) for model in NAMED]
    return [*names, Event.objects.count()]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_takes_a_name_that_hides_something(
    ground: Ground, olivia: User, name: str
) -> None:
    before = called()

    with pytest.raises(Invalid) as refused:
        SERVICES[name](ground, olivia)

    assert refused.value.message == WHY
    assert refused.value.details[0]["location"] == "name"
    assert called() == before


def test_every_model_with_a_name_that_people_give_is_tried() -> None:
    """Of the rest, versions and config files have stricter rules; nobody names the others."""
    ours = ("orgs", "agents", "projects", "deployments")
    models = [model for app in ours for model in apps.get_app_config(app).get_models()]
    named = {
        model.__name__
        for model in models
        if any(field.name == "name" for field in model._meta.fields)
    }

    assert named == {model.__name__ for model in NAMED} | {
        "Version",
        "ConfigFile",
        "StepRun",
        "Tick",
    }


PAGES = [
    "/account/organizations/",
    "/account/profile/",
    "/account/tokens/new/",
    "/o/<slug:org>/settings/general/save/",
    "/o/<slug:org>/settings/environments/new/",
    "/o/<slug:org>/settings/environments/<slug:uid>/rename/",
    "/o/<slug:org>/settings/api-keys/new/",
    "/o/<slug:org>/agents/new/",
    "/o/<slug:org>/projects/new/",
    "/o/<slug:org>/projects/<str:code>/settings/",
    "/o/<slug:org>/applications/new/",
    "/o/<slug:org>/applications/<str:code>/settings/",
    "/o/<slug:org>/applications/<str:code>/steps/<str:uid>/",
]


@pytest.mark.parametrize("route", PAGES)
def test_a_form_says_so_at_the_field_and_keeps_the_rest(
    ground: Ground, olivia: User, route: str
) -> None:
    before = called()
    address = ground.address(route)

    answer = signed_in(olivia).post(address, {"name": EVIL, "description": "as it was typed"})

    assert answer.status_code == 422
    assert f"<span>{WHY}</span>" in answer.content.decode()
    assert called() == before


@pytest.mark.parametrize("field", ["name", "organization"])
def test_nobody_signs_up_by_a_name_that_hides_something(db: None, field: str) -> None:
    typed = {
        "name": "Nora",
        "email": "nora@northwind.example",
        "password1": factories.PASSWORD,
        "organization": "Nora's",
    }

    answer = Client().post("/account/signup/", {**typed, field: EVIL})

    assert answer.status_code == 422
    assert WHY in answer.content.decode()
    assert not User.objects.exists()


FACES = [
    ("POST", "/api/v1/environments", {}),
    ("PATCH", "/api/v1/environments/<slug:uid>", {}),
    ("PATCH", "/api/v1/orgs/<slug:slug>", {}),
    ("POST", "/api/v1/api-keys", {}),
    ("POST", "/api/v1/agents", {}),
    ("POST", "/api/v1/projects", {}),
    ("PATCH", "/api/v1/projects/<str:code>", {}),
    ("POST", "/api/v1/applications", {}),
    ("PATCH", "/api/v1/applications/<str:code>", {}),
    ("POST", "/api/v1/webhooks", {"url": "https://receiver.example/hooks"}),
    ("POST", "/api/externals/project/create", {"code": "evil"}),
]


@pytest.mark.parametrize(("method", "route", "more"), FACES, ids=str)
def test_the_api_says_so_and_where(
    ground: Ground, olivia: User, method: str, route: str, more: dict[str, str]
) -> None:
    everything = [permission(right) for right in Right]
    _, token = factories.make_key(ground.org, permissions=everything, creator=olivia)
    before = called()

    answer = Api(token).send(method, ground.address(route), {"name": EVIL, **more})

    told = read(answer, 400)
    assert (told["error"], told["code"]) == (WHY, "invalid")
    assert [detail["location"] for detail in told["details"]] == ["name"]
    assert called() == before
