"""Deployments as people ask for them: canceled, asked for twice, too late, without an agent."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import Agent
from deployments.models import Deployment, JobState, Snapshot, State, Target
from deployments.services import cancel, jobs, queues, requests, sweeps
from orgs.models import SYSTEM
from projects.models import ProjectAgent
from projects.services import rendering
from tests import factories
from tests.deployments.job_course import deploy, finish, run, take

pytestmark = pytest.mark.django_db


def test_canceling_what_waits_ends_it_at_once_and_frees_its_turn() -> None:
    place = factories.make_place()
    first, second = deploy(place, "v1"), deploy(place, "v2")

    cancel.cancel(first, by=SYSTEM)

    first.refresh_from_db()
    assert first.state == State.CANCELED
    assert first.target.head == second
    assert [j.state for j in first.jobs.all()] == [JobState.CANCELED]


def test_canceling_what_runs_waits_for_the_agent_to_confirm() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    job = run(place)

    cancel.cancel(deployment, by=SYSTEM)

    deployment.refresh_from_db()
    assert deployment.state == State.CANCELING
    assert jobs.canceled_jobs(agent_ids=[place.agent.pk]) == [(place.agent.pk, job.uid)]
    finish(place, job, "canceled", "Canceled.")
    deployment.refresh_from_db()
    assert deployment.state == State.CANCELED
    assert deployment.reason == f"Canceled by {SYSTEM}."


def test_canceling_what_has_ended_is_refused_with_its_end() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    finish(place, run(place))

    with pytest.raises(cancel.AlreadyFinished, match="already ended: succeeded"):
        cancel.cancel(deployment, by=SYSTEM)


def test_the_form_that_is_sent_twice_gives_one_deployment() -> None:
    place = factories.make_place()
    version = factories.make_version(place.application)

    def send_form() -> Deployment:
        return requests.request_deployment(
            project=place.project,
            application=place.application,
            environment=place.environment,
            version=version,
            by=SYSTEM,
            form_key="form-1",
        )

    first = send_form()
    second = send_form()

    assert first == second
    assert Deployment.objects.count() == 1


def test_the_same_version_is_deployed_anew_once_the_first_has_ended() -> None:
    place = factories.make_place()
    first = deploy(place)
    finish(place, run(place))

    again = requests.request_deployment(
        project=place.project,
        application=place.application,
        environment=place.environment,
        version=first.version,
        by=SYSTEM,
    )

    assert again != first
    assert again.state == State.QUEUED


def test_what_waits_longer_than_its_limit_expires_with_a_sentence() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    Deployment.objects.update(deadline_at=Now() - timedelta(seconds=1))

    sweeps.expire()

    deployment.refresh_from_db()
    assert deployment.state == State.EXPIRED
    assert deployment.reason == (
        f"It waited longer than the queue's limit. Waits for {place.agent} to take it."
    )
    assert deployment.target.head is None


def test_a_deployment_without_an_agent_waits_until_one_is_linked() -> None:
    place = factories.make_place()
    place.project.project_agents.all().delete()
    deployment = deploy(place)
    assert queues.waiting_sentence(deployment).startswith("No agent serves")

    ProjectAgent.objects.create(project=place.project, agent=place.agent)
    sweeps.unstick()

    assert take(place).deployment == deployment


def test_a_blocked_version_is_refused_with_its_reason() -> None:
    place = factories.make_place()
    version = factories.make_version(place.application, blocked_reason="It eats invoices.")

    with pytest.raises(requests.CannotDeploy, match="It eats invoices"):
        requests.request_deployment(
            project=place.project,
            application=place.application,
            environment=place.environment,
            version=version,
            by=SYSTEM,
        )

    assert not Deployment.objects.exists()


def test_a_snapshot_names_what_ran_there_when_the_lock_came_not_when_it_was_awaited() -> None:
    place = factories.make_place()
    destination = requests.find_destination(place.project, place.application, place.environment)
    seen = factories.make_target(place)
    sources = rendering.load_sources(place.application, projects=[place.project])
    meanwhile = factories.make_deployment(place, version=factories.make_version(place.application))
    Target.objects.update(current=meanwhile)

    deployment, _ = requests.place_order(
        requests.Order(factories.make_version(place.application), SYSTEM),
        destination=dataclasses.replace(destination, seen=seen),
        sources=sources,
    )

    env = deployment.snapshot.open_content()["env"]
    assert env["HYDRA_PREVIOUS_VERSION"] == meanwhile.version.name
    assert deployment.previous_version == meanwhile.version
    assert set(Snapshot.objects.all()) == {meanwhile.snapshot, deployment.snapshot}


def test_a_job_whose_agent_left_before_it_took_it_lets_the_queue_go_on() -> None:
    place = factories.make_place()
    first = deploy(place, "v1")
    newcomer, _ = factories.make_agent(place.org)
    Agent.objects.filter(pk=place.agent.pk).update(revoked_at=timezone.now())
    ProjectAgent.objects.update(agent=newcomer)
    second = deploy(place, "v2")

    sweeps.skip_departed()

    first.refresh_from_db()
    assert first.state == State.CANCELED
    assert "key was revoked before it took the job" in first.reason
    assert Target.objects.get().head == second
    assert [job.agent for job in second.jobs.all()] == [newcomer]
