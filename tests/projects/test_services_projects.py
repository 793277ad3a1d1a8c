"""Projects and what they are connected with."""

import pytest

import agents.services
from billing.services import PlanLimit
from hydra.errors import Conflict, Invalid, NotFound, Refused
from orgs.models import SYSTEM, Event, Organization, Plan, User
from projects.models import Project, ProjectAgent, ProjectEnvironment
from projects.services import departures, naming, projects
from tests import factories


def events_of(org: Organization) -> list[str]:
    verbs = Event.objects.in_org(org).order_by("pk").values_list("verb", flat=True)
    return [verb for verb in verbs if verb.startswith("project.")]


def test_a_project_is_created_with_its_environments_and_says_so(
    northwind: Organization, olivia: User
) -> None:
    staging = factories.make_environment(northwind, "Staging")

    project = projects.create_project(
        northwind,
        name="  Web shop ",
        code="web-shop",
        environments=[staging, staging],
        by=factories.actor_of(olivia),
    )

    assert (project.name, project.code) == ("Web shop", "web-shop")
    assert [link.environment for link in project.project_environments.all()] == [staging]
    event = Event.objects.in_org(northwind).get(verb="project.created")
    assert (event.actor_label, event.subject_uid) == (str(olivia), project.uid)


def test_a_code_is_used_once_in_an_organization_and_free_in_another(
    northwind: Organization, southwind: Organization
) -> None:
    projects.create_project(northwind, name="Shop", code="shop", by=SYSTEM)

    with pytest.raises(naming.CodeTaken, match="belongs to the project “Shop”") as refusal:
        projects.create_project(northwind, name="Other", code="shop", by=SYSTEM)
    projects.create_project(southwind, name="Shop", code="shop", by=SYSTEM)

    assert refusal.value.status == 409
    assert Project.objects.in_org(northwind).count() == 1


@pytest.mark.parametrize(
    "code", ["", "-shop", "shop-", "a b", "../x", "a/b", "ä", "x" * 61, "new", "prj_" + "a" * 20]
)
def test_a_code_that_would_not_do_in_an_address_is_refused(
    northwind: Organization, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        projects.create_project(northwind, name="Shop", code=code, by=SYSTEM)

    assert refusal.value.details[0]["location"] == "code"
    assert not Project.objects.in_org(northwind).exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "nul\x00", "half \ud800"])
def test_a_name_that_cannot_be_kept_is_refused(northwind: Organization, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        projects.create_project(northwind, name=name, code="shop", by=SYSTEM)

    assert refusal.value.details[0]["location"] == "name"


def test_a_plan_that_is_full_has_no_room_for_another_project(northwind: Organization) -> None:
    northwind.plan = Plan.FREE
    northwind.save()
    for number in range(5):
        factories.make_project(northwind, code=f"project-{number}")

    with pytest.raises(PlanLimit):
        projects.create_project(northwind, name="One more", code="more", by=SYSTEM)

    assert Project.objects.in_org(northwind).count() == 5


def test_what_changes_is_told_and_what_does_not_is_not(northwind: Organization) -> None:
    project = factories.make_project(northwind, "Shop", code="shop")

    projects.update_project(project, changes={"name": "Shop", "framework": "VITE"}, by=SYSTEM)
    projects.update_project(project, changes={"name": "Shop"}, by=SYSTEM)

    project.refresh_from_db()
    assert project.framework == "VITE"
    changes = Event.objects.in_org(northwind).filter(verb="project.updated")
    assert [event.data for event in changes] == [
        {"project": "shop", "before": {"framework": ""}, "after": {"framework": "VITE"}}
    ]


def test_a_project_is_not_renamed_to_a_code_that_another_has(northwind: Organization) -> None:
    factories.make_project(northwind, code="shop")
    project = factories.make_project(northwind, code="other")

    with pytest.raises(naming.CodeTaken):
        projects.update_project(project, changes={"code": "shop"}, by=SYSTEM)

    project.refresh_from_db()
    assert project.code == "other"


def test_an_application_is_connected_once_and_leaves_with_its_rules_and_overrides(
    northwind: Organization,
) -> None:
    staging = factories.make_environment(northwind)
    project = factories.make_project(northwind, environments=[staging])
    application = factories.make_application(northwind)
    file = factories.make_config_file(application)
    projects.connect_application(project, application=application, by=SYSTEM)
    factories.make_rule(project, application, staging)
    factories.make_override(project, file, staging)
    application.refresh_from_db()
    before = application.rules_revision

    with pytest.raises(projects.AlreadyConnected):
        projects.connect_application(project, application=application, by=SYSTEM)
    projects.disconnect_application(project, application=application, by=SYSTEM)

    application.refresh_from_db()
    assert (project.rules.count(), project.overrides.count()) == (0, 0)
    assert application.rules_revision > before
    with pytest.raises(NotFound):
        projects.disconnect_application(project, application=application, by=SYSTEM)


def test_an_environment_has_a_url_that_can_be_changed(northwind: Organization) -> None:
    project = factories.make_project(northwind)
    staging = factories.make_environment(northwind)
    projects.add_environment(project, environment=staging, url="https://a.example", by=SYSTEM)

    projects.set_environment_url(project, environment=staging, url=" https://b.example ", by=SYSTEM)

    assert ProjectEnvironment.objects.get(project=project).url == "https://b.example"
    assert events_of(northwind) == ["project.environment_added", "project.environment_changed"]
    with pytest.raises(projects.AlreadyConnected):
        projects.add_environment(project, environment=staging, by=SYSTEM)


@pytest.mark.parametrize("url", ["shop.example", "javascript:alert(1)", "https://", "http://a b"])
def test_only_web_addresses_are_urls(northwind: Organization, url: str) -> None:
    project = factories.make_project(northwind)
    staging = factories.make_environment(northwind)

    with pytest.raises(Invalid):
        projects.add_environment(project, environment=staging, url=url, by=SYSTEM)

    assert not project.project_environments.exists()


def test_a_removed_environment_takes_its_agents_along_and_leaves_its_rules_dead(
    northwind: Organization,
) -> None:
    staging = factories.make_environment(northwind)
    application = factories.make_application(northwind)
    project = factories.make_project(northwind, environments=[staging], applications=[application])
    agent, _ = factories.make_agent(northwind)
    projects.link_agent(project, agent=agent, environment=staging, by=SYSTEM)
    factories.make_rule(project, application, staging)

    projects.remove_environment(project, environment=staging, by=SYSTEM)

    assert not project.project_agents.exists()
    assert project.rules.count() == 1


def test_an_agent_is_linked_once_to_each_place(northwind: Organization) -> None:
    staging = factories.make_environment(northwind)
    project = factories.make_project(northwind, environments=[staging])
    agent, _ = factories.make_agent(northwind)
    projects.link_agent(project, agent=agent, by=SYSTEM)
    projects.link_agent(project, agent=agent, environment=staging, by=SYSTEM)

    with pytest.raises(projects.AlreadyConnected, match="in all environments"):
        projects.link_agent(project, agent=agent, by=SYSTEM)
    projects.unlink_agent(project, agent=agent, by=SYSTEM)

    assert ProjectAgent.objects.get(project=project).environment == staging


def test_neither_a_revoked_agent_nor_a_foreign_environment_is_linked(
    northwind: Organization,
) -> None:
    project = factories.make_project(northwind)
    unused = factories.make_environment(northwind)
    agent, _ = factories.make_agent(northwind)

    with pytest.raises(Invalid, match="does not use"):
        projects.link_agent(project, agent=agent, environment=unused, by=SYSTEM)
    agents.services.revoke_agent(agent, by=SYSTEM)
    with pytest.raises(Conflict, match="revoked"):
        projects.link_agent(project, agent=agent, by=SYSTEM)

    assert not project.project_agents.exists()


def test_a_project_is_deleted_with_all_that_hangs_on_it(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_rule(place.project, place.application, place.environment)
    place.application.refresh_from_db()
    before = place.application.rules_revision

    projects.delete_project(place.project, by=SYSTEM)

    place.application.refresh_from_db()
    assert not Project.objects.in_org(northwind).exists()
    assert place.application.rules_revision > before
    assert "project.deleted" in events_of(northwind)


def test_an_app_above_may_object_to_a_departure(
    northwind: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = factories.make_project(northwind)

    def object_to(departure: departures.Departure) -> None:
        raise Refused(f"{departure.project} is being deployed.")

    monkeypatch.setattr(departures, "_questions", [object_to])
    with pytest.raises(Refused, match="is being deployed"):
        projects.delete_project(project, by=SYSTEM)

    assert Project.objects.in_org(northwind).exists()
