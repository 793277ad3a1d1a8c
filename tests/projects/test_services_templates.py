"""Steps made from templates: what runs, and what a parameter can never do."""

import os
import subprocess
from pathlib import Path

import pytest

from hydra.errors import Invalid
from orgs.models import SYSTEM, Organization
from projects.merging.interpolation import UnknownVariable
from projects.models import Application, Step, StepType
from projects.services import (
    step_templates,
    steps,
)
from tests import factories

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
