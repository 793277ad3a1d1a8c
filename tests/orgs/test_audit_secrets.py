"""What is secret stands in no event: not in the log, not in an export."""

from __future__ import annotations

import dataclasses
import json

import pytest

from agents import services as agents_services
from deployments.services import webhooks
from orgs.models import SYSTEM, Event, Organization, Role, User
from orgs.services import exports, invites
from projects.models import FileType, StepType
from projects.services import applications, configs, overrides, projects, rules, steps, variables
from projects.services.configs import ConfigFacts
from projects.services.steps import StepFacts
from tests import factories

pytestmark = pytest.mark.django_db

CANARY = "canary-7f3a91"


def changes(verb: str) -> list[tuple[object, object]]:
    rows = Event.objects.filter(verb=verb).order_by("pk")
    return [(event.data["before"], event.data["after"]) for event in rows]


def test_no_event_holds_what_was_given_as_a_secret(northwind: Organization, olivia: User) -> None:
    place = factories.make_place(northwind)
    file = configs.save_config_file(
        place.application,
        facts=ConfigFacts("app.env", FileType.DOTENV, f"PASSWORD={CANARY}\n"),
        by=SYSTEM,
    )
    configs.save_config_file(
        place.application,
        facts=ConfigFacts("app.env", FileType.DOTENV, f"PASSWORD={CANARY}2\n"),
        by=SYSTEM,
        config_file=file,
    )
    for text in (f"PASSWORD={CANARY}\n", f"PASSWORD={CANARY}3\n"):
        overrides.save_override(
            place.project, config_file=file, environment=place.environment, text=text, by=SYSTEM
        )
        variables.set_variable(northwind, key="TOKEN", value=text, is_sensitive=True, by=SYSTEM)
        applications.update_application(
            place.application, changes={"deploy_script": f"login {text}"}, by=SYSTEM
        )
    step = steps.create_step(
        place.application, facts=StepFacts("Log in", script=f"login {CANARY}"), by=SYSTEM
    )
    steps.update_step(step, facts=StepFacts("Log in", script=f"log-in {CANARY}"), by=SYSTEM)
    _, token = factories.make_key(northwind)
    _, code = invites.create_invite(
        northwind, role=Role.USER, by=SYSTEM, creator=olivia, creator_role=Role.OWNER
    )
    _, agent_key = agents_services.create_agent(northwind, name="db-1", by=SYSTEM)
    _, secret = webhooks.create_webhook(northwind, url="https://hooks.example.com/x", by=SYSTEM)

    told = b"".join(exports.json_lines(Event.objects.in_org(northwind))).decode()

    assert Event.objects.count() > 15
    for hidden in (CANARY, token, code, agent_key, secret):
        assert hidden not in told
        assert json.dumps(hidden)[1:-1] not in told


def test_a_long_text_is_told_by_its_size_and_digest(northwind: Organization) -> None:
    application = factories.make_application(northwind)

    for script in ("echo one", "echo three"):
        applications.update_application(application, changes={"deploy_script": script}, by=SYSTEM)

    [first, second] = changes("application.updated")
    assert first[0] == {"deploy_script": ""}
    assert first[1] == second[0]
    assert str(second[0]["deploy_script"]).startswith("8 bytes, SHA-256 ")  # type: ignore[index]  # a dictionary


def test_changes_of_every_kind_are_told_as_before_and_after(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    rule = rules.create_rule(
        place.project, facts=rules.RuleFacts(place.application, place.environment), by=SYSTEM
    )
    facts = dataclasses.replace(rules.facts_of(rule), pattern="v.*", allows_older=True)
    step = factories.make_step(place.application, "Build", type=StepType.BASH)

    rules.update_rule(rule, facts=facts, by=SYSTEM)
    rules.switch_rule(rule, is_enabled=False, by=SYSTEM)
    steps.update_step(
        step, facts=dataclasses.replace(steps.facts_of(step), timeout_seconds=90), by=SYSTEM
    )
    projects.set_environment_url(
        place.project, environment=place.environment, url="https://new.example.com", by=SYSTEM
    )

    assert changes("rule.updated") == [
        ({"pattern": "", "allows_older": False}, {"pattern": "v.*", "allows_older": True})
    ]
    assert changes("rule.disabled") == [({"is_enabled": True}, {"is_enabled": False})]
    assert changes("step.updated") == [({"timeout_seconds": 60}, {"timeout_seconds": 90})]
    [(before, after)] = changes("project.environment_changed")
    assert after == {"url": "https://new.example.com"}
    assert isinstance(before, dict)
    assert before["url"].startswith("https://")
