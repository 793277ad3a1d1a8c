"""Jobs and their agents: offers, fences, turns and ends."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from deployments.models import Deployment, Job, JobState, State
from deployments.services import jobs, offers, queues, sweeps
from orgs.models import Event
from tests import factories
from tests.deployments.job_course import SESSION, deploy, finish, run, take

pytestmark = pytest.mark.django_db


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
