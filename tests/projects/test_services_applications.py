"""Applications and their steps."""

import dataclasses

import pytest

from hydra.errors import Invalid, NotFound
from orgs.models import SYSTEM, Event, Organization
from projects.models import Application, Step
from projects.services import (
    applications,
    naming,
    steps,
)
from tests import factories
from tests.projects.conftest import Shop


def test_an_application_has_a_code_of_its_own(northwind: Organization) -> None:
    applications.create_application(northwind, name="Shop", code="shop", by=SYSTEM)

    with pytest.raises(naming.CodeTaken):
        applications.create_application(northwind, name="Other", code="shop", by=SYSTEM)

    assert Application.objects.in_org(northwind).count() == 1


def test_moving_names_are_a_pattern_that_compiles(northwind: Organization) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid) as refusal:
        applications.update_application(application, changes={"moving_names": "("}, by=SYSTEM)
    applications.update_application(application, changes={"moving_names": "next"}, by=SYSTEM)

    application.refresh_from_db()
    assert refusal.value.details[0]["location"] == "moving_names"
    assert application.moving_names == "next"


def test_an_application_is_not_deleted_while_projects_contain_it(shop: Shop) -> None:
    with pytest.raises(applications.ApplicationInUse, match="part of Web shop"):
        applications.delete_application(shop.application, by=SYSTEM)

    assert Application.objects.filter(pk=shop.application.pk).exists()


def test_an_application_that_was_deployed_keeps_its_history(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place)
    place.project.project_applications.all().delete()

    with pytest.raises(applications.ApplicationInUse, match="have been deployed"):
        applications.delete_application(place.application, by=SYSTEM)

    assert Application.objects.filter(pk=place.application.pk).exists()
    assert not Event.objects.in_org(northwind).filter(verb="application.deleted").exists()


def test_an_unused_application_is_deleted(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    factories.make_version(application)

    applications.delete_application(application, by=SYSTEM)

    assert not Application.objects.in_org(northwind).exists()


# --- Steps -----------------------------------------------------------------------------------


def add(application: Application, name: str, **more: object) -> Step:
    facts = steps.StepFacts(name=name, script="true")
    return steps.create_step(
        application,
        facts=dataclasses.replace(facts, **more),  # type: ignore[arg-type]  # a test's shorthand
        by=SYSTEM,
    )


def test_steps_are_added_at_the_end_and_ordered_whole(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    first, second, third = (add(application, name) for name in ("one", "two", "three"))

    steps.reorder_steps(application, uids=[third.uid, first.uid, second.uid], by=SYSTEM)

    assert [step.name for step in application.steps.all()] == ["three", "one", "two"]
    for uids in ([first.uid], [first.uid, second.uid, second.uid], [first.uid, "x", third.uid]):
        with pytest.raises(steps.StepOrderOutdated):
            steps.reorder_steps(application, uids=uids, by=SYSTEM)
    assert [step.name for step in application.steps.all()] == ["three", "one", "two"]


def test_steps_never_wait_for_each_other_in_a_circle(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    first = add(application, "one")
    second = add(application, "two", needs=(first.uid,))

    with pytest.raises(Invalid, match="wait for each other"):
        steps.update_step(
            first,
            facts=dataclasses.replace(steps.facts_of(first), needs=(second.uid,)),
            by=SYSTEM,
        )
    for needs in (("stp_none",), (first.uid,)):
        facts = dataclasses.replace(steps.facts_of(first), needs=needs)
        with pytest.raises(Invalid, match="only other steps"):
            steps.update_step(first, facts=facts, by=SYSTEM)

    first.refresh_from_db()
    assert first.needs == []


def test_a_deleted_step_is_needed_by_nobody(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    first = add(application, "one")
    second = add(application, "two", needs=(first.uid,))

    steps.delete_step(first, by=SYSTEM)

    second.refresh_from_db()
    assert second.needs == []
    with pytest.raises(NotFound):
        steps.update_step(first, facts=steps.StepFacts(name="x", script="true"), by=SYSTEM)


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("name", {"name": " "}),
        ("script", {"script": " \n"}),
        ("script", {"script": "a\x00"}),
        ("type", {"type": "ruby"}),
        ("timeout_seconds", {"timeout_seconds": 0}),
        ("timeout_seconds", {"timeout_seconds": 86_401}),
        ("retries", {"retries": 11}),
        ("run_when", {"run_when": "environment =="}),
        ("run_when", {"run_when": ""}),
        ("template", {"type": "template", "template": "nope"}),
    ],
)
def test_a_step_that_could_not_run_is_refused_at_the_field(
    northwind: Organization, where: str, changes: dict[str, object]
) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid) as refusal:
        add(application, **{"name": "Step", **changes})  # type: ignore[arg-type]  # as above

    assert refusal.value.details[0]["location"] == where
    assert not application.steps.exists()
