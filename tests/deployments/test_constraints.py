"""What must never be true of projects', deployments' and webhooks' rows, tried on the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction

from deployments.models import (
    Attempt,
    Delivery,
    Evaluation,
    Job,
    LogChunk,
    State,
    StepRun,
)
from orgs.models import SYSTEM
from orgs.services.events import Subject, record
from projects.models import (
    ProjectAgent,
)
from tests import factories
from tests.factories import Place

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Row = models.Model


def application(place: Place) -> Row:
    return place.application


def project(place: Place) -> Row:
    return place.project


def link(place: Place) -> Row:
    return place.project.project_environments.get()


def contained(place: Place) -> Row:
    return place.project.project_applications.get()


def agent_link(place: Place) -> Row:
    return place.project.project_agents.get()


def config_file(place: Place) -> Row:
    return factories.make_config_file(place.application)


def step(place: Place) -> Row:
    return place.application.steps.get()


def version(place: Place) -> Row:
    return factories.make_version(place.application)


def rule(place: Place) -> Row:
    return factories.make_rule(place.project, place.application, place.environment)


def override(place: Place) -> Row:
    file = factories.make_config_file(place.application)
    return factories.make_override(place.project, file, place.environment)


def variable(place: Place) -> Row:
    return factories.make_variable(place.org)


def org_stage_variable(place: Place) -> Row:
    return factories.make_variable(place.org, environment=place.environment)


def project_variable(place: Place) -> Row:
    return factories.make_variable(place.org, project=place.project)


def project_stage_variable(place: Place) -> Row:
    return factories.make_variable(place.org, project=place.project, environment=place.environment)


def target(place: Place) -> Row:
    return factories.make_target(place)


def queued(place: Place) -> Row:
    return factories.make_deployment(place, State.QUEUED)


def running(place: Place) -> Row:
    return factories.make_deployment(place, State.RUNNING)


def by_rule(place: Place) -> Row:
    return factories.make_deployment(place, State.SUCCEEDED, trigger="rule")


def by_form(place: Place) -> Row:
    return factories.make_deployment(place, State.SUCCEEDED, form_key="form-1")


def job(place: Place) -> Job:
    deployment = factories.make_deployment(place, State.RUNNING)
    return Job.objects.create(org=place.org, deployment=deployment, agent=place.agent)


def step_run(place: Place) -> Row:
    return StepRun.objects.create(job=job(place), position=0, name="Deploy", state="running")


def log_chunk(place: Place) -> Row:
    return LogChunk.objects.create(job=job(place), offset=0, length=1, content=b"x")


def evaluation(place: Place) -> Row:
    return Evaluation.objects.create(version=factories.make_version(place.application))


def webhook(place: Place) -> Row:
    return factories.make_webhook(place.org)[0]


def delivery(place: Place) -> Delivery:
    hook, _ = factories.make_webhook(place.org)
    event = record(org=place.org, by=SYSTEM, verb="ping", subject=Subject("webhook", "w", "w"))
    return Delivery.objects.create(
        org=place.org, webhook=hook, event=event, verb="ping", body=b"{}"
    )


def attempt(place: Place) -> Row:
    return Attempt.objects.create(delivery=delivery(place), number=1)


Make = Callable[[Place], Row]

# (a row as it should be, what must not become of it, the claim that refuses it)
CHECKS: list[tuple[Make, dict[str, Any], str]] = [
    (application, {"name": ""}, "application_has_name"),
    (project, {"code": ""}, "project_has_name"),
    (project, {"framework": "DJANGO"}, "project_framework_known"),
    (project, {"app_type": "JAVA"}, "project_app_type_known"),
    (link, {"queue_mode": "random"}, "project_environment_queue_mode_known"),
    (config_file, {"file_type": "YAML"}, "config_file_type_known"),
    (config_file, {"name": ""}, "config_file_has_name"),
    (step, {"type": "ruby"}, "step_type_known"),
    (step, {"name": ""}, "step_has_name"),
    (step, {"template": "backup"}, "step_template_named"),
    (step, {"timeout_seconds": 0}, "step_timeout_within_a_day"),
    (version, {"build": 0}, "version_has_name_and_build"),
    (rule, {"strategy": "dice"}, "rule_strategy_known"),
    (variable, {"key": ""}, "variable_has_key"),
    (target, {"held_reason": "because"}, "target_hold_has_a_time"),
    (queued, {"state": "lost"}, "deployment_state_known"),
    (queued, {"state": "failed"}, "deployment_finished_has_end"),
    (queued, {"resolution": "failed"}, "deployment_resolution_of_unknown_only"),
    (job, {"state": "lost"}, "job_state_known"),
    (job, {"finished_at": NOW}, "job_finished_has_end"),
    (job, {"state": "running"}, "job_runs_under_lease_and_fence"),
    (step_run, {"state": "lost"}, "step_run_state_known"),
    (log_chunk, {"length": 0}, "log_chunk_not_empty"),
    (webhook, {"url": ""}, "webhook_has_url"),
    (delivery, {"state": "lost", "finished_at": NOW}, "delivery_state_known"),
    (delivery, {"finished_at": NOW}, "delivery_finished_has_end"),
]

# A second row like the first, except for its public id.
TWINS: list[tuple[Make, str]] = [
    (application, "application_code_once_per_org"),
    (project, "project_code_once_per_org"),
    (link, "project_environment_once"),
    (contained, "project_application_once"),
    (agent_link, "project_agent_once_for_all_environments"),
    (config_file, "config_file_one_per_name_and_pattern"),
    (version, "version_name_once_per_application"),
    (override, "override_one_per_place_and_pattern"),
    (variable, "variable_once_in_org"),
    (org_stage_variable, "variable_once_in_org_environment"),
    (project_variable, "variable_once_in_project"),
    (project_stage_variable, "variable_once_in_project_environment"),
    (target, "target_once"),
    (running, "deployment_one_active_per_target"),
    (by_rule, "deployment_rules_fire_once_per_target"),
    (by_form, "deployment_form_sent_once"),
    (job, "job_once_per_agent"),
    (step_run, "step_run_once"),
    (log_chunk, "log_chunk_without_overlap"),
    (delivery, "delivery_once_per_event"),
    (attempt, "attempt_numbered_once"),
    (evaluation, "evaluation is one-to-one with its version"),
]


@pytest.mark.parametrize(
    ("make", "change", "claim"), CHECKS, ids=lambda p: p if isinstance(p, str) else ""
)
def test_the_database_refuses_a_row_that_breaks_its_claim(
    make: Make, change: dict[str, Any], claim: str
) -> None:
    row = make(factories.make_place())

    with pytest.raises(IntegrityError, match=claim), transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(**change)


@pytest.mark.parametrize(("make", "claim"), TWINS, ids=[t[1] for t in TWINS])
def test_the_database_refuses_a_twin(make: Make, claim: str) -> None:
    row = make(factories.make_place())
    before = type(row)._default_manager.count()
    row.pk = None
    row._state.adding = True
    if hasattr(row, "uid"):
        row.uid = f"twin_{before}"

    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)

    assert type(row)._default_manager.count() == before, claim


def test_two_config_files_do_not_differ_in_case_alone() -> None:
    row = factories.make_config_file(factories.make_place().application)
    row.pk, row.uid, row.name = None, "twin", row.name.swapcase()
    row._state.adding = True

    with (
        pytest.raises(IntegrityError, match="config_file_one_per_name_and_pattern"),
        transaction.atomic(),
    ):
        row.save(force_insert=True)


def test_one_agent_is_linked_to_one_environment_of_a_project_once() -> None:
    place = factories.make_place()
    ProjectAgent.objects.update(environment=place.environment)

    with pytest.raises(IntegrityError), transaction.atomic():
        ProjectAgent.objects.create(
            project=place.project, agent=place.agent, environment=place.environment
        )


def test_every_named_claim_of_these_apps_is_tried_here() -> None:
    tried = {claim for _, _, claim in CHECKS} | {claim for _, claim in TWINS}
    tried.add("project_agent_once")

    named = {
        constraint.name
        for app in ("projects", "deployments")
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    }

    assert named - tried == set()
