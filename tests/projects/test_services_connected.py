"""A whole project in one transaction, as programs ask for it."""

import pytest

from hydra.errors import Invalid, NotFound
from orgs.models import SYSTEM, Environment, Event, Organization
from projects.models import Application, AutoDeployRule, FileType, Override, Project
from projects.services import naming
from projects.services.connected import (
    ApplicationSpec,
    ProjectSpec,
    RuleSpec,
    create_connected,
)
from tests import factories


@pytest.fixture
def stages(northwind: Organization) -> list[Environment]:
    return [factories.make_environment(northwind, name) for name in ("Development", "Staging")]


@pytest.fixture
def backend(northwind: Organization) -> Application:
    application = factories.make_application(northwind, "Backend", code="backend")
    factories.make_config_file(application, "app.env", "NODE_ENV=base\nPORT=1\n")
    factories.make_config_file(application, "app.json", "{}", file_type=FileType.JSON)
    return application


def spec(**changes: object) -> ProjectSpec:
    values: dict[str, object] = {
        "name": "My Project",
        "code": "my-project",
        "environments": ["Development", "staging"],
        "applications": [
            ApplicationSpec(
                code="backend",
                rules={
                    "Development": RuleSpec("main"),
                    "Staging": RuleSpec(r"v[0-9]+\.[0-9]+\.[0-9]+", is_enabled=False),
                },
                configs={"app.env": {"Development": "PORT=3000", "Staging": "PORT=80"}},
            )
        ],
        "agents": ["production-server", "Production-Server"],
    }
    return ProjectSpec(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def test_everything_is_connected_at_once(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    agent, _ = factories.make_agent(northwind, "production-server")

    project = create_connected(northwind, by=SYSTEM, spec=spec())

    assert [link.environment for link in project.project_environments.all()] == stages
    assert [link.application for link in project.project_applications.all()] == [backend]
    assert [(link.agent, link.environment) for link in project.project_agents.all()] == [
        (agent, None)
    ]
    found = project.rules.values_list("environment__name", "pattern", "is_enabled", "position")
    assert list(found) == [
        ("Development", "main", True, 0),
        ("Staging", r"v[0-9]+\.[0-9]+\.[0-9]+", False, 1),
    ]
    texts = {o.environment.name: o.open_content() for o in project.overrides.all()}
    assert texts == {"Development": "PORT=3000", "Staging": "PORT=80"}
    backend.refresh_from_db()
    assert backend.rules_revision == 2
    event = Event.objects.in_org(northwind).get(verb="project.created")
    assert "3000" not in str(event.data)


def test_all_that_is_missing_is_named_and_nothing_is_left_behind(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    wanted = spec(
        environments=["Development", "Moon"],
        applications=[
            ApplicationSpec(code="nowhere"),
            ApplicationSpec(
                code="backend",
                rules={"Mars": RuleSpec("main")},
                configs={"nothing.env": {"Development": "A=1"}},
            ),
        ],
        agents=["ghost"],
    )

    with pytest.raises(NotFound) as refusal:
        create_connected(northwind, by=SYSTEM, spec=wanted)

    assert {(d["location"], d["message"]) for d in refusal.value.details} == {
        ("environments.1", "There is no environment “Moon”."),
        ("connectedApps.0.appCode", "There is no application “nowhere”."),
        ("connectedApps.1.autoDeployRules.Mars", "There is no environment “Mars”."),
        ("connectedApps.1.configs.nothing.env", "There is no config “nothing.env” of backend."),
        ("agents.0.name", "There is no agent “ghost”."),
    }
    assert all(word in refusal.value.message for word in ("Moon", "nowhere", "Mars", "ghost"))
    assert not Project.objects.in_org(northwind).exists()
    assert not Event.objects.in_org(northwind).filter(verb="project.created").exists()


def test_another_organizations_things_are_missing_too(
    northwind: Organization, southwind: Organization
) -> None:
    factories.make_environment(southwind, "Development")
    factories.make_application(southwind, code="backend")
    factories.make_agent(southwind, "production-server")

    with pytest.raises(NotFound):
        create_connected(northwind, by=SYSTEM, spec=spec(environments=["Development"]))

    assert not Project.objects.in_org(northwind).exists()


def test_a_taken_code_is_a_conflict(northwind: Organization) -> None:
    factories.make_project(northwind, code="my-project")

    with pytest.raises(naming.CodeTaken):
        create_connected(northwind, by=SYSTEM, spec=spec())


def test_a_bad_pattern_is_refused_in_the_engines_words_at_its_place(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    wanted = ApplicationSpec(code="backend", rules={"Staging": RuleSpec("v[0-9")})

    with pytest.raises(Invalid) as refusal:
        create_connected(northwind, by=SYSTEM, spec=spec(applications=[wanted], agents=[]))

    assert refusal.value.details[0]["location"] == "connectedApps.0.autoDeployRules.Staging.rule"
    assert "missing ]" in refusal.value.details[0]["message"]
    assert not Project.objects.in_org(northwind).exists()


def test_every_text_that_cannot_be_merged_is_named_with_line_and_column(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    wanted = ApplicationSpec(
        code="backend",
        configs={
            "app.env": {"Development": "OK=1", "Staging": "PORT=1\nno equals sign here"},
            "app.json": {"Staging": '{"a": }'},
        },
    )

    with pytest.raises(Invalid) as refusal:
        create_connected(northwind, by=SYSTEM, spec=spec(applications=[wanted], agents=[]))

    places = [(d["location"], d["message"]) for d in refusal.value.details]
    assert [place for place, _ in places] == [
        "connectedApps.0.configs.app.env.Staging",
        "connectedApps.0.configs.app.json.Staging",
    ]
    assert "line 2" in places[0][1]
    assert "line 1, column 7" in places[1][1]
    assert not Override.objects.exists()


def test_a_rule_for_an_environment_that_the_project_lacks_is_refused(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    with pytest.raises(Invalid, match="not among the project's environments") as refusal:
        create_connected(northwind, by=SYSTEM, spec=spec(environments=["Staging"], agents=[]))

    assert refusal.value.details[0]["location"] == "connectedApps.0.autoDeployRules.Development"
    assert not AutoDeployRule.objects.exists()


def test_an_application_or_environment_named_twice_is_refused(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    twice = ApplicationSpec(
        code="backend", configs={"app.env": {"Staging": "A=1", "staging": "A=2"}}
    )

    with pytest.raises(Invalid) as refusal:
        create_connected(northwind, by=SYSTEM, spec=spec(applications=[twice, twice], agents=[]))

    assert [d["location"] for d in refusal.value.details] == [
        "connectedApps.0.configs.app.env.staging",
        "connectedApps.1.appCode",
        "connectedApps.1.configs.app.env.staging",
    ]


def test_an_empty_override_changes_nothing_and_is_not_kept(
    northwind: Organization, stages: list[Environment], backend: Application
) -> None:
    wanted = ApplicationSpec(code="backend", configs={"app.env": {"Staging": ""}})

    project = create_connected(northwind, by=SYSTEM, spec=spec(applications=[wanted], agents=[]))

    assert not project.overrides.exists()


def test_the_cost_does_not_grow_with_what_is_connected(
    northwind: Organization,
    stages: list[Environment],
    django_assert_max_num_queries: object,
) -> None:
    for number in range(20):
        application = factories.make_application(northwind, code=f"app-{number}")
        factories.make_config_file(application)
    wanted = [
        ApplicationSpec(
            code=f"app-{number}",
            rules={"Staging": RuleSpec("")},
            configs={"app.env": {"Staging": "A=1"}},
        )
        for number in range(20)
    ]

    with django_assert_max_num_queries(20):  # type: ignore[operator]  # pytest-django's fixture
        create_connected(northwind, by=SYSTEM, spec=spec(applications=wanted, agents=[]))
