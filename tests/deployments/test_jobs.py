"""Agents and their jobs: offers, fences, leases and ends."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from agents.protocol import StepReport
from deployments.models import Deployment, Job, JobState, State, StepRun, Tick
from deployments.services import cancel, jobs, offers, queues, requests, sweeps
from orgs.models import SYSTEM, Event
from projects.models import ProjectAgent
from tests import factories
from tests.factories import Place

pytestmark = pytest.mark.django_db

SESSION = str(uuid4())


def deploy(place: Place, name: str = "v1") -> Deployment:
    return requests.request_deployment(
        project=place.project,
        application=place.application,
        environment=place.environment,
        version=factories.make_version(place.application, name),
        by=SYSTEM,
    )


def take(place: Place) -> Job:
    job = jobs.claim_next(place.agent, session=SESSION)
    assert job is not None
    return job


def run(place: Place) -> Job:
    job = take(place)
    jobs.start(place.agent, job_uid=job.uid, fence=job.fence)
    job.refresh_from_db()
    return job


def finish(place: Place, job: Job, outcome: str = "succeeded", reason: str = "") -> None:
    jobs.finish(
        place.agent,
        job_uid=job.uid,
        fence=job.fence,
        ending=jobs.Ending(outcome=outcome, reason=reason, steps=[]),
    )


def step(position: int, state: str) -> StepReport:
    return StepReport(
        position=position,
        state=state,  # type: ignore[typeddict-item]  # a word of the wire
        attempt=1,
        exit_code=None,
        started_after_ms=0,
        duration_ms=None,
        log_from=0,
        log_to=0,
        reason="",
    )


def test_a_job_is_taken_begun_and_ended_and_its_deployment_with_it() -> None:
    place = factories.make_place()
    deployment = deploy(place)

    job = run(place)
    deployment.refresh_from_db()
    assert (job.state, deployment.state) == (JobState.RUNNING, State.RUNNING)

    finish(place, job)
    deployment.refresh_from_db()
    target = deployment.target
    assert deployment.state == State.SUCCEEDED
    assert deployment.finished_at is not None
    assert (target.current, target.head) == (deployment, None)


def test_the_offer_that_was_not_heard_is_made_again_to_the_same_session() -> None:
    place = factories.make_place()
    deploy(place)

    first, again = take(place), take(place)

    assert (again.uid, again.fence) == (first.uid, first.fence)


def test_another_session_is_not_offered_what_is_offered_already() -> None:
    place = factories.make_place()
    deploy(place)
    take(place)

    assert jobs.claim_next(place.agent, session=str(uuid4())) is None


def test_an_offer_that_lapsed_is_made_again_under_a_higher_fence() -> None:
    place = factories.make_place()
    deploy(place)
    first = take(place)
    Job.objects.update(offer_until=Now() - timedelta(seconds=1))

    sweeps.lapse_offers()
    second = take(place)

    assert second.fence == first.fence + 1
    with pytest.raises(jobs.Fenced):
        jobs.start(place.agent, job_uid=first.uid, fence=first.fence)


def test_starting_again_under_the_same_fence_is_no_second_start() -> None:
    place = factories.make_place()
    deploy(place)
    job = run(place)

    jobs.start(place.agent, job_uid=job.uid, fence=job.fence)

    assert Event.objects.filter(verb="deployment.started").count() == 1


def test_another_agent_cannot_speak_for_a_job() -> None:
    place = factories.make_place()
    deploy(place)
    job = run(place)
    stranger, _ = factories.make_agent(place.org)

    with pytest.raises(jobs.Fenced):
        jobs.finish(
            stranger,
            job_uid=job.uid,
            fence=job.fence,
            ending=jobs.Ending(outcome="failed", reason="", steps=[]),
        )

    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_one_runs_at_a_time_and_the_next_has_its_turn_when_it_ends() -> None:
    place = factories.make_place()
    first, second, third = deploy(place, "v1"), deploy(place, "v2"), deploy(place, "v3")
    job = run(place)
    assert jobs.claim_next(place.agent, session=str(uuid4())) is None
    assert [queues.queue_position(d) for d in (second, third)] == [1, 2]

    finish(place, job, "failed", "The step Deploy ended with 1.")

    first.refresh_from_db()
    assert first.state == State.FAILED
    assert first.reason == f"{place.agent}: The step Deploy ended with 1."
    assert run(place).deployment == second


def test_the_first_end_stands() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    job = run(place)
    finish(place, job, "failed", "It failed.")

    finish(place, job, "succeeded")

    deployment.refresh_from_db()
    assert deployment.state == State.FAILED


def test_where_only_the_latest_is_wanted_those_between_are_superseded() -> None:
    place = factories.make_place()
    place.project.project_environments.update(queue_mode="latest")
    first, second, third = deploy(place, "v1"), deploy(place, "v2"), deploy(place, "v3")

    second.refresh_from_db()
    assert second.state == State.SUPERSEDED
    assert second.superseded_by == third
    assert [d.state for d in Deployment.objects.filter(pk__in=[first.pk, third.pk])] == [
        State.QUEUED,
        State.QUEUED,
    ]


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


def test_the_offer_on_the_wire_has_all_that_the_steps_need() -> None:
    place = factories.make_place(script="echo hello")
    factories.make_config_file(place.application, "app.env", "MODE=#{MODE}\n")
    factories.make_variable(place.org, "MODE", "fast")
    factories.make_variable(place.org, "PASSWORD", "hunter2hunter2", is_sensitive=True)
    deployment = deploy(place)

    answer = offers.answer(
        place.agent, offers.Poll(session=SESSION, free=1, running=[], canceling=[])
    )

    assert answer is not None
    offered = answer["job"]
    assert offered is not None
    assert offered["files"] == [{"name": "app.env", "content_b64": "TU9ERT1mYXN0Cg=="}]
    assert offered["env"]["PASSWORD"] == "hunter2hunter2"
    assert offered["env"]["HYDRA_DEPLOYMENT_ID"] == deployment.uid
    assert offered["secrets"] == ["hunter2hunter2"]
    assert [s["script"] for s in offered["steps"]] == ["echo hello"]
