"""Agents that are silent: what becomes of the jobs they held, and of what they say later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from deployments.models import Job, JobState, State, StepRun, Tick
from deployments.services import jobs, sweeps
from tests import factories
from tests.deployments.job_course import deploy, finish, run, step, take

pytestmark = pytest.mark.django_db


def test_a_lost_agent_leaves_the_outcome_unknown_and_the_queue_goes_on() -> None:
    place = factories.make_place()
    deployment, after = deploy(place, "v1"), deploy(place, "v2")
    job = run(place)
    jobs.report(place.agent, job_uid=job.uid, fence=job.fence, steps=[step(0, "running")])
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))

    sweeps.lapse_leases()

    deployment.refresh_from_db()
    assert deployment.state == State.UNKNOWN
    assert "nobody can say whether it was carried out" in deployment.reason
    assert deployment.target.head == after
    assert StepRun.objects.get().state == "unknown"


def test_a_lost_agent_is_given_a_job_again_whose_steps_are_safe_to_repeat() -> None:
    place = factories.make_place()
    place.application.steps.update(safe_to_repeat=True)
    deployment = deploy(place)
    job = run(place)
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))

    sweeps.lapse_leases()

    again = take(place)
    assert (again.pk, again.fence) == (job.pk, job.fence + 1)
    deployment.refresh_from_db()
    assert deployment.state == State.RUNNING
    with pytest.raises(jobs.Fenced):
        jobs.report(place.agent, job_uid=job.uid, fence=job.fence, steps=[])


def test_after_our_own_absence_every_lease_is_extended_once() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    job = run(place)
    sweeps.take_tick("leases")
    Tick.objects.update(last_at=Now() - timedelta(minutes=5))
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))

    sweeps.lapse_leases()
    sweeps.lapse_leases()

    deployment.refresh_from_db()
    assert deployment.state == State.RUNNING


def test_a_late_word_resolves_what_was_given_up_and_changes_no_state() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    job = run(place)
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
    sweeps.lapse_leases()

    finish(place, job, "succeeded")

    deployment.refresh_from_db()
    job.refresh_from_db()
    assert (deployment.state, deployment.resolution) == (State.UNKNOWN, "succeeded")
    assert (job.state, job.late_outcome) == (JobState.UNKNOWN, "succeeded")
    assert deployment.target.current == deployment


def test_a_heartbeat_renews_what_is_held_and_names_what_is_not() -> None:
    place = factories.make_place()
    deploy(place)
    job = run(place)
    Job.objects.update(lease_until=Now() + timedelta(seconds=1))

    held = jobs.renew_all(place.agent, held=[(job.uid, job.fence), ("job_gone", 1)])

    assert [(h.uid, h.is_fenced) for h in held] == [(job.uid, False), ("job_gone", True)]
    before = job.lease_until
    job.refresh_from_db()
    assert before is not None
    assert job.lease_until is not None
    assert job.lease_until > before - timedelta(seconds=5)


def test_an_agent_that_was_only_away_keeps_what_was_given_up_as_unknown() -> None:
    place = factories.make_place()
    deploy(place)
    job = run(place)
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
    sweeps.lapse_leases()

    held = jobs.renew_all(place.agent, held=[(job.uid, job.fence)])
    jobs.report(place.agent, job_uid=job.uid, fence=job.fence, steps=[step(0, "running")])

    job.refresh_from_db()
    assert [h.is_fenced for h in held] == [False]
    assert (job.state, job.lease_until) == (JobState.UNKNOWN, None)
