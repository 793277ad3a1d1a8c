"""What is made or changed at once, on real connections: one wins, the others read why."""

from collections import Counter
from dataclasses import replace

import pytest

from orgs.models import SYSTEM
from projects.models import Project, Variable
from projects.services import naming, projects, rules, steps, variables
from projects.services.connected import ProjectSpec, create_connected
from tests import factories
from tests.deployments.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_many_projects_with_the_same_code_is_made() -> None:
    org = factories.make_org()

    got = at_once(
        8,
        lambda number: (
            projects.create_project(org, name="Shop", code="shop", by=SYSTEM)
            if number % 2
            else create_connected(org, by=SYSTEM, spec=ProjectSpec(name="Shop", code="shop"))
        ),
    )

    assert Counter(type(one) for one in got) == {Project: 1, naming.CodeTaken: 7}
    assert Project.objects.count() == 1


def test_a_variable_set_by_many_is_one_row() -> None:
    org = factories.make_org()

    at_once(6, lambda number: variables.set_variable(org, key="A", value=str(number), by=SYSTEM))

    assert Variable.objects.get().open_value() in set("012345")


def test_every_change_of_a_rule_raises_the_revision() -> None:
    place = factories.make_place()
    rule = factories.make_rule(place.project, place.application, place.environment)
    place.application.refresh_from_db()
    before = place.application.rules_revision
    facts = rules.facts_of(rule)

    at_once(
        6,
        lambda number: rules.update_rule(
            rule, facts=replace(facts, delay_minutes=number), by=SYSTEM
        ),
    )

    place.application.refresh_from_db()
    assert place.application.rules_revision == before + 6


def test_steps_added_at_once_have_places_of_their_own() -> None:
    application = factories.make_application(factories.make_org())

    at_once(
        6,
        lambda number: steps.create_step(
            application, facts=steps.StepFacts(name=f"Step {number}", script="true"), by=SYSTEM
        ),
    )

    positions = application.steps.values_list("position", flat=True)
    assert sorted(positions) == [0, 1, 2, 3, 4, 5]
