"""What is made or changed at once, on real connections: one wins, the others read why."""

from collections import Counter
from dataclasses import replace

import pytest

from orgs.models import SYSTEM, Event, User
from projects.models import Override, Project, Variable
from projects.services import naming, overrides, projects, rules, steps, variables
from projects.services.connected import ProjectSpec, create_connected
from tests import factories
from tests.conftest import signed_in
from tests.together import held_up, outcomes_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_many_projects_with_the_same_code_is_made() -> None:
    org = factories.make_org()

    got = outcomes_at_once(
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

    outcomes_at_once(
        6, lambda number: variables.set_variable(org, key="A", value=str(number), by=SYSTEM)
    )

    assert Variable.objects.get().open_value() in set("012345")


def test_of_many_new_variants_for_the_same_versions_one_is_made(max: User) -> None:
    """Each page was opened, and found the place free, before any was sent."""
    place = factories.make_place(factories.make_org(owner=max))
    file = factories.make_config_file(place.application)
    cell = f"configurations/{file.uid}/{place.environment.slug}/?variant=new"
    page = f"/o/{place.org.slug}/projects/{place.project.code}/{cell}"
    browsers = [signed_in(max) for _ in range(6)]

    def make(number: int) -> int:
        sent = {"text": f"MODE={number}\n", "version_pattern": "v1.*", "act": "save"}
        return int(browsers[number].post(page, sent).status_code)

    statuses = outcomes_at_once(6, make)

    made = place.project.overrides.get()
    assert Counter(statuses) == {302: 1, 422: 5}
    assert made.open_content() == f"MODE={statuses.index(302)}\n"
    assert Event.objects.filter(verb="override.saved").count() == 1


def test_a_new_variant_that_comes_second_meets_the_first() -> None:
    """The second is held up by the first, which commits after the second has begun."""
    place = factories.make_place()
    file = factories.make_config_file(place.application)

    def save(text: str) -> Override:
        return overrides.save_override(
            place.project,
            config_file=file,
            environment=place.environment,
            text=text,
            version_pattern="v1.*",
            is_new=True,
            by=SYSTEM,
        )

    with pytest.raises(overrides.OverrideExists):
        held_up(lambda: save("MODE=second\n"), by=lambda: save("MODE=first\n"))

    assert place.project.overrides.get().open_content() == "MODE=first\n"


def test_every_change_of_a_rule_raises_the_revision() -> None:
    place = factories.make_place()
    rule = factories.make_rule(place.project, place.application, place.environment)
    place.application.refresh_from_db()
    before = place.application.rules_revision
    facts = rules.facts_of(rule)

    outcomes_at_once(
        6,
        lambda number: rules.update_rule(
            rule, facts=replace(facts, delay_minutes=number), by=SYSTEM
        ),
    )

    place.application.refresh_from_db()
    assert place.application.rules_revision == before + 6


def test_steps_added_at_once_have_places_of_their_own() -> None:
    application = factories.make_application(factories.make_org())

    outcomes_at_once(
        6,
        lambda number: steps.create_step(
            application, facts=steps.StepFacts(name=f"Step {number}", script="true"), by=SYSTEM
        ),
    )

    positions = application.steps.values_list("position", flat=True)
    assert sorted(positions) == [0, 1, 2, 3, 4, 5]
