"""Applications, their steps and templates, and the rules."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from hydra.errors import Invalid, NotFound
from orgs.models import SYSTEM, Event, Organization
from projects.merging.interpolation import UnknownVariable
from projects.models import Application, Step, StepType, Strategy
from projects.services import (
    applications,
    naming,
    rules,
    simulations,
    step_templates,
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


# --- Templates -------------------------------------------------------------------------------

NASTY = "'; touch pwned; echo $(touch pwned) `touch pwned` \" $HOME"


def template_step(application: Application, template: str, parameters: dict[str, str]) -> Step:
    facts = steps.StepFacts(
        name="Step", type=StepType.TEMPLATE, template=template, parameters=parameters
    )
    return steps.create_step(application, facts=facts, by=SYSTEM)


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As an agent would run it."""
    home = {"PATH": os.environ["PATH"], "HYDRA_WORK_DIR": str(folder), "HYDRA_VERSION": "v2"}
    more = {
        "HYDRA_PROJECT": "p",
        "HYDRA_APPLICATION": "a",
        "HYDRA_ENVIRONMENT": "e",
        "HYDRA_DEPLOYMENT_ID": "d_1",
    }
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**home, **more, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("code", [c for c in step_templates.TEMPLATES if c != "deploy"])
def test_no_parameter_of_any_template_becomes_code(
    northwind: Organization, tmp_path: Path, code: str
) -> None:
    application = factories.make_application(northwind)
    template = step_templates.TEMPLATES[code]
    texts = {
        parameter.name: NASTY
        for parameter in template.parameters
        if parameter.kind is step_templates.Kind.TEXT
    }
    commands = {
        parameter.name: 'echo "#{EVIL}"'
        for parameter in template.parameters
        if parameter.kind is step_templates.Kind.COMMAND
    }
    numbers = {"attempts": "1", "limit": "1"} if code == "health_check" else {}
    step = template_step(application, code, {**texts, **commands, **numbers})

    kind, script = step_templates.render_script(step, application, known={"EVIL": NASTY})
    run(script, tmp_path, EVIL=NASTY, HYDRA_PREVIOUS_VERSION="v1")

    assert kind == "bash"
    assert not list(tmp_path.rglob("pwned"))


def test_a_command_gets_variables_as_values(northwind: Organization, tmp_path: Path) -> None:
    application = factories.make_application(northwind)
    step = template_step(
        application, "database_migration", {"command": 'printf %s "#{NAME} to #{hydra.version}"'}
    )

    _, script = step_templates.render_script(
        step, application, known={"NAME": NASTY, "hydra.version": "v2"}
    )
    done = run(script, tmp_path, NAME=NASTY)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{NASTY} to v2")


def test_a_failing_command_fails_its_step(northwind: Organization, tmp_path: Path) -> None:
    application = factories.make_application(northwind)
    step = template_step(application, "database_migration", {"command": "false; echo on"})

    _, script = step_templates.render_script(step, application, known={})

    assert run(script, tmp_path).returncode == 1


def test_an_unknown_variable_in_a_parameter_is_named(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    step = template_step(application, "health_check", {"url": "https://#{HOST}/"})

    with pytest.raises(UnknownVariable, match="HOST"):
        step_templates.render_script(step, application, known={})


@pytest.mark.parametrize(
    ("template", "parameters", "where"),
    [
        ("health_check", {"status": "ok"}, "parameters.status"),
        ("health_check", {"attempts": "0"}, "parameters.attempts"),
        ("health_check", {"url": ""}, "parameters.url"),
        ("health_check", {"colour": "red"}, "parameters.colour"),
        ("cache_clear", {"method": "fire"}, "parameters.method"),
        ("database_migration", {}, "parameters.command"),
    ],
)
def test_a_parameter_that_a_template_cannot_use_is_refused(
    northwind: Organization, template: str, parameters: dict[str, str], where: str
) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid) as refusal:
        template_step(application, template, parameters)

    assert refusal.value.details[0]["location"] == where
    assert not application.steps.exists()


def test_a_cache_is_cleared_below_the_second_level_alone(
    northwind: Organization, tmp_path: Path
) -> None:
    application = factories.make_application(northwind)
    cache = tmp_path / "cache"
    (cache / "deep").mkdir(parents=True)
    (cache / "deep" / "entry").write_text("x")

    outcomes = {}
    for target in (str(cache), "/", "/var", "relative/path", f"{cache}/../.."):
        step = template_step(application, "cache_clear", {"target": target})
        _, script = step_templates.render_script(step, application, known={})
        outcomes[target] = run(script, tmp_path).returncode

    assert list(outcomes.values()) == [0, 2, 2, 2, 2]
    assert list(cache.iterdir()) == []


def test_a_backup_keeps_the_newest_archives(northwind: Organization, tmp_path: Path) -> None:
    application = factories.make_application(northwind)
    source = tmp_path / "my data"
    source.mkdir()
    (source / "rows").write_text("1")
    kept = tmp_path / "backups"
    kept.mkdir()
    for day in ("20200101", "20200102", "20200103"):
        (kept / f"p-a-e-{day}T000000Z-d_0.tar.gz").write_text("old")
    (kept / "somebody-elses.tar.gz").write_text("mine")
    step = template_step(
        application,
        "backup",
        {"source": str(source), "destination": str(kept), "keep": "2"},
    )

    _, script = step_templates.render_script(step, application, known={})
    done = run(script, tmp_path)

    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in kept.iterdir())
    assert len(names) == 3
    assert names[0] == "p-a-e-20200103T000000Z-d_0.tar.gz"
    assert names[2] == "somebody-elses.tar.gz"


def test_a_rollback_runs_with_the_version_before(northwind: Organization, tmp_path: Path) -> None:
    application = factories.make_application(northwind, deploy_script='echo "run $HYDRA_VERSION"')
    step = template_step(application, "rollback", {})

    _, script = step_templates.render_script(step, application, known={})

    assert run(script, tmp_path, HYDRA_PREVIOUS_VERSION="v1").stdout.endswith("run v1\n")
    assert run(script, tmp_path).returncode == 1


def test_deploying_without_a_deploy_script_is_refused(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    step = template_step(application, "deploy", {})

    with pytest.raises(step_templates.NoDeployScript, match="has none"):
        step_templates.render_script(step, application, known={})
    application.deploy_script = "echo hello"

    assert step_templates.render_script(step, application, known={}) == ("bash", "echo hello")


# --- Rules -----------------------------------------------------------------------------------


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
