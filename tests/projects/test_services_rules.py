"""Auto-deploy rules: what is refused, and what the simulator says of each."""

import dataclasses

import pytest

from hydra.errors import Invalid
from orgs.models import SYSTEM, Event
from projects.models import Strategy
from projects.services import (
    rules,
    simulations,
)
from tests import factories
from tests.projects.conftest import Shop


def test_a_rule_makes_compiled_rules_stale_whatever_happens_to_it(shop: Shop) -> None:
    def revision() -> int:
        shop.application.refresh_from_db()
        return shop.application.rules_revision

    before = revision()
    facts = rules.RuleFacts(shop.application, shop.environment, pattern="main")
    rule = rules.create_rule(shop.project, facts=facts, by=SYSTEM)
    rules.update_rule(rule, facts=dataclasses.replace(facts, delay_minutes=5), by=SYSTEM)
    rules.switch_rule(rule, is_enabled=False, by=SYSTEM)
    rules.switch_rule(rule, is_enabled=False, by=SYSTEM)
    rules.delete_rule(rule, by=SYSTEM)

    assert revision() == before + 4
    told = Event.objects.in_org(shop.org).filter(subject_uid=rule.uid).order_by("pk")
    assert [event.verb for event in told] == [
        "rule.created",
        "rule.updated",
        "rule.disabled",
        "rule.deleted",
    ]


@pytest.mark.parametrize("pattern", ["v[0-9", "(?=x)", "(a)\\1", "a**", "x" * 501])
def test_a_pattern_that_re2_refuses_is_refused_in_its_words(shop: Shop, pattern: str) -> None:
    before = shop.project.rules.count()
    facts = rules.RuleFacts(shop.application, shop.environment, pattern=pattern)

    with pytest.raises(Invalid) as refusal:
        rules.create_rule(shop.project, facts=facts, by=SYSTEM)

    assert refusal.value.details[0]["location"] == "pattern"
    assert refusal.value.details[0]["fix"]
    assert shop.project.rules.count() == before


def test_a_rule_is_about_what_the_project_has(shop: Shop) -> None:
    moon = factories.make_environment(shop.org, "Moon")
    other = factories.make_application(shop.org)

    for application, environment, where in (
        (shop.application, moon, "environment"),
        (other, shop.environment, "application"),
    ):
        with pytest.raises(Invalid) as refusal:
            rules.create_rule(
                shop.project, facts=rules.RuleFacts(application, environment), by=SYSTEM
            )
        assert refusal.value.details[0]["location"] == where
    facts = rules.RuleFacts(shop.application, shop.environment, delay_minutes=10**6)
    with pytest.raises(Invalid):
        rules.create_rule(shop.project, facts=facts, by=SYSTEM)


def test_the_simulator_says_of_every_rule_whether_it_fires_and_why_not(shop: Shop) -> None:
    moon = factories.make_environment(shop.org, "Moon")
    for pattern, more in (
        ("v1.*", {"strategy": Strategy.WILDCARD}),
        ("nightly", {"strategy": Strategy.TAG}),
        ("", {"is_enabled": False}),
        ("", {"strategy": Strategy.LATEST}),
    ):
        factories.make_rule(shop.project, shop.application, shop.environment, pattern, **more)
    dead = factories.make_rule(shop.project, shop.application, shop.environment, "")
    type(dead).objects.filter(pk=dead.pk).update(environment=moon)
    factories.make_version(shop.application, "v1.9.0")

    decisions = simulations.simulate(shop.application, version="v1.4.0", tags=["nightly"])

    told = [(d.rule.strategy, d.fires, d.is_dead) for d in decisions]
    assert told == [
        ("regex", False, False),
        ("wildcard", True, False),
        ("tag", True, False),
        ("regex", False, False),
        ("latest", False, False),
        ("regex", False, True),
    ]
    assert "only “v1” does" in decisions[0].reason
    assert "switched off" in decisions[3].reason
    assert decisions[4].reason == "v1.9.0 is newer."
    assert "Moon has left the project" in decisions[5].reason
