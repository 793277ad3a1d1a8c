"""Agents that are silent: what becomes of the jobs they held, and of what they say later."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now

from agents.protocol import HeldJob
from deployments.models import Job, JobState, State, StepRun, Tick
from deployments.services import jobs, logs, sweeps
from tests import factories
from tests.deployments.job_course import SESSION, deploy, finish, run, step, take
from tests.factories import Place

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


def safe_place(*, but_the_last: bool = False) -> Place:
    """A place whose application has three steps, all of them safe to repeat or all but the last."""
    place = factories.make_place()
    for _ in range(2):
        factories.make_step(place.application)
    place.application.steps.update(safe_to_repeat=True)
    if but_the_last:
        place.application.steps.filter(position=2).update(safe_to_repeat=False)
    return place


def fall_silent(place: Place, job: Job) -> Job:
    """The job after its lease has lapsed; its agent's session is the one that took it."""
    place.agent.session = UUID(SESSION)
    place.agent.save()
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
    sweeps.lapse_leases()
    job.refresh_from_db()
    return job


def test_what_was_reported_last_does_not_say_what_an_agent_has_begun_since() -> None:
    place = safe_place(but_the_last=True)
    deployment = deploy(place)
    job = run(place)
    jobs.report(place.agent, job_uid=job.uid, fence=job.fence, steps=[step(0, "running")])

    assert fall_silent(place, job).state == JobState.UNKNOWN
    deployment.refresh_from_db()
    assert deployment.state == State.UNKNOWN


def test_an_agent_that_was_only_away_takes_back_what_was_to_be_repeated() -> None:
    place = safe_place()
    deploy(place)
    job = run(place)
    assert fall_silent(place, job).state == JobState.READY

    held = jobs.renew_all(place.agent, held=[(job.uid, job.fence)])

    job.refresh_from_db()
    assert [(h.uid, h.is_fenced) for h in held] == [(job.uid, False)]
    assert (job.state, job.reason) == (JobState.RUNNING, "")


def test_what_was_offered_to_another_since_is_not_taken_back() -> None:
    place = safe_place()
    deploy(place)
    job = run(place)
    fall_silent(place, job)
    again = take(place)

    held = jobs.renew_all(place.agent, held=[(job.uid, job.fence)])

    assert [h.is_fenced for h in held] == [True]
    again.refresh_from_db()
    assert (again.state, again.fence) == (JobState.OFFERED, job.fence + 1)


def test_a_job_that_ended_while_nobody_heard_of_it_is_told_of_whole() -> None:
    place = safe_place()
    deployment = deploy(place)
    job = run(place)
    fall_silent(place, job)

    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=b"all of it")
    finish(place, job)

    deployment.refresh_from_db()
    job.refresh_from_db()
    assert (deployment.state, job.state) == (State.SUCCEEDED, JobState.SUCCEEDED)
    assert logs.read(job, after=0) == b"all of it"


def test_an_agent_that_comes_back_with_a_result_is_let_tell_it() -> None:
    place = safe_place()
    deploy(place)
    job = run(place)
    fall_silent(place, job)
    place.agent.session = uuid4()

    (told,) = jobs.held_by(
        place.agent, tickets=[HeldJob(id=job.uid, fence=job.fence, state="finished")]
    )

    job.refresh_from_db()
    assert told["action"] == "report"
    assert (job.state, job.session) == (JobState.RUNNING, place.agent.session)


def test_the_log_and_the_steps_of_a_run_that_was_lost_do_not_stand_among_those_of_the_next() -> (
    None
):
    place = safe_place()
    deploy(place)
    job = run(place)
    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=b"first run\n")
    jobs.report(place.agent, job_uid=job.uid, fence=job.fence, steps=[step(0, "running")])
    fall_silent(place, job)

    again = run(place)

    logs.append(place.agent, job_uid=again.uid, fence=again.fence, offset=0, content=b"second\n")
    assert logs.read(again, after=0) == b"second\n"
    assert not StepRun.objects.exists()


def test_an_agent_that_lost_a_job_of_safe_steps_is_given_it_again_but_not_for_ever() -> None:
    place = safe_place()
    deployment = deploy(place)
    for _ in range(jobs.MOST_FENCES):
        deployment.refresh_from_db()
        assert deployment.state in (State.QUEUED, State.RUNNING)
        job = run(place)
        finish(place, job, "unknown", "The agent was stopped in the middle of this job.")

    deployment.refresh_from_db()
    assert deployment.state == State.UNKNOWN
    assert "stopped in the middle" in deployment.reason
