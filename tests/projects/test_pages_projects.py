"""What the pages of projects do: what is typed is kept, refusals stand at their field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from orgs.models import Organization, User
from projects.models import Project, Variable
from tests import factories
from tests.conftest import signed_in
from tests.projects.conftest import Shop

Ceiling = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def manager(max: User) -> Client:
    return signed_in(max)


def test_a_project_gets_its_code_from_its_name(manager: Client, northwind: Organization) -> None:
    factories.make_environment(northwind, "Staging")
    factories.make_project(northwind, code="web-shop")

    answer = manager.post(
        "/o/northwind/projects/new/", {"name": "Web Shop", "environments": ["staging"]}
    )

    assert answer.status_code == 302
    assert answer["Location"] == "/o/northwind/projects/web-shop-2/"
    project = Project.objects.get(code="web-shop-2")
    assert project.project_environments.get().environment.slug == "staging"


def test_a_taken_code_is_refused_at_its_field_and_nothing_typed_is_lost(
    manager: Client, shop: Shop
) -> None:
    typed = {"name": "Another", "code": "web-shop", "description": "Words to keep"}

    answer = manager.post(shop.path("projects/new/"), typed)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "It belongs to the project “Web shop” already." in page
    assert all(f"{value}" in page for value in typed.values())
    assert answer.context["form"].errors.keys() == {"code"}


def test_another_organizations_environment_cannot_be_chosen(
    manager: Client, northwind: Organization, southwind: Organization
) -> None:
    factories.make_environment(southwind, "Moon")

    answer = manager.post("/o/northwind/projects/new/", {"name": "Shop", "environments": ["moon"]})

    assert answer.status_code == 422
    assert not Project.objects.in_org(northwind).exists()


def test_a_project_is_deleted_when_its_name_is_typed(manager: Client, shop: Shop) -> None:
    wrong = manager.post(shop.path("{project}/delete/"), {"typed": "web shop"})
    assert wrong.status_code == 422
    assert Project.objects.filter(pk=shop.project.pk).exists()

    right = manager.post(shop.path("{project}/delete/"), {"typed": "Web shop"})

    assert right.status_code == 302
    assert not Project.objects.filter(pk=shop.project.pk).exists()


def test_settings_are_saved_and_the_address_follows_the_code(manager: Client, shop: Shop) -> None:
    answer = manager.post(
        shop.path("{project}/settings/"), {"name": "Shop", "code": "shop", "description": ""}
    )

    assert answer["Location"] == "/o/northwind/projects/shop/settings/"


def test_applications_are_connected_and_taken_out(manager: Client, shop: Shop) -> None:
    factories.make_application(shop.org, "Worker", code="worker")

    manager.post(shop.path("{project}/applications/"), {"application": "worker"})
    again = manager.post(shop.path("{project}/applications/"), {"application": "worker"})
    manager.post(shop.path("{project}/applications/shop-api/disconnect/"))

    assert again.status_code == 422
    codes = shop.project.project_applications.values_list("application__code", flat=True)
    assert list(codes) == ["worker"]


def test_environments_are_added_with_a_url_changed_and_removed(manager: Client, shop: Shop) -> None:
    factories.make_environment(shop.org, "Production")

    bad = manager.post(
        shop.path("{project}/environments/add/"),
        {"environment": "production", "url": "shop.example"},
    )
    assert bad.status_code == 422
    assert "shop.example" in bad.content.decode()
    manager.post(
        shop.path("{project}/environments/add/"),
        {"environment": "production", "url": "https://shop.example"},
    )
    manager.post(shop.path("{project}/environments/production/"), {"url": "https://new.example"})
    manager.post(shop.path("{project}/environments/staging/remove/"))

    links = shop.project.project_environments.values_list("environment__slug", "url")
    assert list(links) == [("production", "https://new.example")]


def test_agents_are_linked_and_unlinked(manager: Client, shop: Shop) -> None:
    page = shop.path("{project}/agents/link/")

    manager.post(page, {"agent": shop.agent.uid, "environment": "staging"})
    twice = manager.post(page, {"agent": shop.agent.uid})
    manager.post(
        shop.path("{project}/agents/unlink/"), {"agent": shop.agent.uid, "environment": ""}
    )

    assert twice.status_code == 422
    links = shop.project.project_agents.values_list("environment__slug", flat=True)
    assert list(links) == ["staging"]


# --- Configurations --------------------------------------------------------------------------


def test_base_override_and_merged_stand_side_by_side(manager: Client, shop: Shop) -> None:
    manager.post(shop.path("{cell}/"), {"text": "PORT=8080\r\n", "act": "save"})

    answer = manager.get(shop.path("{cell}/"))

    lines = [(line.text, str(line.origin)) for line in answer.context["outcome"].lines]
    assert lines == [("MODE=base", "base"), ("PORT=8080", "override")]
    assert shop.project.overrides.get().open_content() == "PORT=8080\n"


def test_a_preview_shows_what_would_be_and_saves_nothing(manager: Client, shop: Shop) -> None:
    answer = manager.post(shop.path("{cell}/"), {"text": "PORT=9\n", "act": "preview"})

    assert answer.status_code == 200
    assert "PORT=9" in [line.text for line in answer.context["outcome"].lines]
    assert not shop.project.overrides.exists()


def test_a_mistake_is_marked_at_its_line_and_what_was_typed_stays(
    manager: Client, shop: Shop
) -> None:
    typed = "PORT=81\nthis is no assignment\n"

    answer = manager.post(shop.path("{cell}/"), {"text": typed, "act": "save"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'data-error-line="2"' in page
    assert "Line 2, column" in page
    assert "this is no assignment" in page
    assert not shop.project.overrides.exists()


def test_a_sensitive_override_never_comes_back(manager: Client, shop: Shop) -> None:
    manager.post(
        shop.path("{cell}/"), {"text": "TOKEN=hunter22\n", "is_sensitive": "on", "act": "save"}
    )

    page = manager.get(shop.path("{cell}/")).content.decode()

    assert "hunter22" not in page
    assert "is not shown" in page
    assert "hunter22" not in manager.get(shop.path("{project}/configurations/")).content.decode()


def test_an_override_is_removed(manager: Client, shop: Shop) -> None:
    factories.make_override(shop.project, shop.file, shop.environment)

    manager.post(shop.path("{cell}/remove/"))
    again = manager.post(shop.path("{cell}/remove/"))

    assert again.status_code == 302
    assert not shop.project.overrides.exists()


def test_an_override_is_shown_as_text(manager: Client, shop: Shop) -> None:
    text = "NAME=<script>alert(1)</script>\n"
    manager.post(shop.path("{cell}/"), {"text": text, "act": "save"})

    assert "<script>alert" not in manager.get(shop.path("{cell}/")).content.decode()


# --- Variables -------------------------------------------------------------------------------


def test_a_variable_is_added_once_and_a_secret_is_never_shown(manager: Client, shop: Shop) -> None:
    secret = {"key": "TOKEN", "value": "hunter22", "reach": "project", "is_sensitive": "on"}

    first = manager.post(shop.path("{project}/variables/add/"), secret)
    second = manager.post(shop.path("{project}/variables/add/"), secret)
    variable = Variable.objects.get(key="TOKEN")
    pages = [
        manager.get(shop.path("{project}/variables/")),
        manager.get(shop.path("{project}/variables/") + f"{variable.uid}/"),
    ]

    assert (first.status_code, second.status_code) == (302, 422)
    assert "TOKEN exists already" in second.content.decode()
    assert all("hunter22" not in page.content.decode() for page in pages)


def test_a_short_secret_is_refused_at_its_field(manager: Client, shop: Shop) -> None:
    answer = manager.post(
        shop.path("{project}/variables/add/"),
        {"key": "PIN", "value": "1234", "reach": "project", "is_sensitive": "on"},
    )

    assert answer.context["form"].errors.keys() == {"value"}
    assert not Variable.objects.filter(key="PIN").exists()


def test_a_variable_of_the_organization_reaches_its_projects(manager: Client, shop: Shop) -> None:
    manager.post(
        shop.path("{project}/variables/add/"),
        {"key": "REGION", "value": "eu", "reach": "organization", "environment": ""},
    )

    variable = Variable.objects.get(key="REGION")
    assert variable.project is None
    assert "REGION" in manager.get(shop.path("{project}/variables/")).content.decode()


def test_a_variable_is_changed_and_deleted(manager: Client, shop: Shop) -> None:
    manager.post(shop.path("{project}/variables/{variable}/"), {"value": "goodbye"})
    shop.variable.refresh_from_db()
    assert shop.variable.open_value() == "goodbye"

    manager.post(shop.path("{project}/variables/{variable}/delete/"))

    assert not Variable.objects.filter(pk=shop.variable.pk).exists()


# --- What lists cost -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "ceiling"),
    [
        ("projects/", 11),
        ("applications/", 9),
        ("rules/", 17),
        ("{project}/rules/", 13),
        ("{project}/environments/", 13),
        ("{project}/agents/", 13),
        ("{project}/variables/", 11),
        ("{project}/configurations/", 13),
        ("{application}/", 14),
        ("{application}/versions/", 12),
        ("{application}/configurations/", 10),
        ("{application}/steps/", 10),
        ("rules/simulate/?application=shop-api&version=v1", 14),
    ],
)
def test_a_list_costs_the_same_however_long_it_is(
    manager: Client,
    shop: Shop,
    django_assert_max_num_queries: Ceiling,
    path: str,
    ceiling: int,
) -> None:
    for number in range(12):
        environment = factories.make_environment(shop.org)
        application = factories.make_application(shop.org)
        agent, _ = factories.make_agent(shop.org)
        project = factories.make_project(
            shop.org, environments=[environment], applications=[application], agents=[agent]
        )
        factories.make_rule(project, shop.application, environment, f"v{number}")
        factories.make_rule(shop.project, shop.application, shop.environment, f"v{number}")
        factories.make_version(shop.application)
        factories.make_step(shop.application)
        file = factories.make_config_file(shop.application, f"file-{number}.env")
        factories.make_override(shop.project, file, shop.environment)
        factories.make_variable(shop.org, project=shop.project, environment=shop.environment)
        shop.project.project_agents.create(agent=agent)

    with django_assert_max_num_queries(ceiling):
        answer = manager.get(shop.path(path))

    assert answer.status_code == 200
