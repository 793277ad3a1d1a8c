"""What happens at once, on real connections: one wins, the others read why or wait."""

from __future__ import annotations

from uuid import uuid4

import pytest

from deployments.models import Deployment, Evaluation, Job, State
from deployments.services import cancel, jobs, logs, requests, versions
from orgs.models import SYSTEM
from projects.models import Version
from projects.services.versions import VersionFacts
from tests import factories
from tests.deployments.job_course import SESSION, deploy, run
from tests.together import outcomes_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_identical_versions_at_once_are_one_with_one_set_of_deployments() -> None:
    place = factories.make_place()
    factories.make_rule(place.project, place.application, place.environment, "")
    facts = VersionFacts(name="v1.0.0")

    got = outcomes_at_once(
        50, lambda _: versions.receive_version(place.application, facts=facts, by=SYSTEM)
    )

    receptions = [one for one in got if isinstance(one, versions.Reception)]
    assert len(receptions) == 50
    assert [one.is_new for one in receptions].count(True) == 1
    assert {tuple(d.pk for d in one.deployments) for one in receptions} == {
        (Deployment.objects.get().pk,)
    }
    assert (Version.objects.count(), Evaluation.objects.count()) == (1, 1)


def test_moving_names_at_once_get_numbers_without_gaps() -> None:
    place = factories.make_place()
    facts = VersionFacts(name="main")

    outcomes_at_once(
        10, lambda _: versions.receive_version(place.application, facts=facts, by=SYSTEM)
    )

    builds = Version.objects.order_by("build").values_list("build", flat=True)
    assert list(builds) == list(range(1, 11))


def test_of_twenty_polls_of_twenty_sessions_one_takes_the_job() -> None:
    place = factories.make_place()
    deploy(place)

    got = outcomes_at_once(20, lambda _: jobs.claim_next(place.agent, session=str(uuid4())))

    assert len([job for job in got if job is not None]) == 1
    assert Job.objects.get().fence == 1


def test_twenty_polls_of_one_session_are_offered_the_same_job_under_one_fence() -> None:
    place = factories.make_place()
    deploy(place)

    got = outcomes_at_once(20, lambda _: jobs.claim_next(place.agent, session=SESSION))

    offered = {(job.uid, job.fence) for job in got if isinstance(job, Job)}
    assert len(offered) == 1
    assert Job.objects.get().fence == 1


def test_an_agent_never_takes_the_job_of_another() -> None:
    place = factories.make_place()
    stranger, _ = factories.make_agent(place.org)
    deploy(place)

    got = outcomes_at_once(
        10,
        lambda n: jobs.claim_next(stranger if n % 2 else place.agent, session=str(uuid4())),
    )

    taken = [n for n, job in enumerate(got) if isinstance(job, Job)]
    assert len(taken) == 1
    assert taken[0] % 2 == 0


def test_the_same_form_from_ten_tabs_is_one_deployment() -> None:
    place = factories.make_place()
    version = factories.make_version(place.application)

    got = outcomes_at_once(
        10,
        lambda _: requests.request_deployment(
            project=place.project,
            application=place.application,
            environment=place.environment,
            version=version,
            by=SYSTEM,
            form_key="form-10",
        ),
    )

    assert {one.pk for one in got if isinstance(one, Deployment)} == {Deployment.objects.get().pk}


def test_ten_requests_at_once_for_one_version_are_one_deployment() -> None:
    place = factories.make_place()
    version = factories.make_version(place.application)

    got = outcomes_at_once(
        10,
        lambda _: requests.request_deployment(
            project=place.project,
            application=place.application,
            environment=place.environment,
            version=version,
            by=SYSTEM,
        ),
    )

    assert {one.pk for one in got if isinstance(one, Deployment)} == {Deployment.objects.get().pk}


def test_ten_versions_at_once_run_one_at_a_time_in_one_queue() -> None:
    place = factories.make_place()
    made = [factories.make_version(place.application) for _ in range(10)]

    outcomes_at_once(
        10,
        lambda number: requests.request_deployment(
            project=place.project,
            application=place.application,
            environment=place.environment,
            version=made[number],
            by=SYSTEM,
        ),
    )

    assert Deployment.objects.filter(state=State.QUEUED).count() == 10
    assert Job.objects.count() == 1


def test_finish_and_cancel_at_once_leave_one_end_and_a_free_turn() -> None:
    place = factories.make_place()
    deployment = deploy(place)
    job = run(place)
    ending = jobs.Ending(outcome="succeeded", reason="", steps=[])

    def act(number: int) -> None:
        if number % 2:
            cancel.cancel(deployment, by=SYSTEM)
        else:
            jobs.finish(place.agent, job_uid=job.uid, fence=job.fence, ending=ending)

    outcomes_at_once(4, act)

    deployment.refresh_from_db()
    assert deployment.state == State.SUCCEEDED
    assert deployment.target.head is None


def test_the_same_log_bytes_sent_ten_times_at_once_stand_once() -> None:
    place = factories.make_place()
    deploy(place)
    job = run(place)

    outcomes_at_once(
        10,
        lambda _: logs.append(
            place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=b"hello\n" * 100
        ),
    )

    job.refresh_from_db()
    assert logs.read(job, after=0) == b"hello\n" * 100
    assert job.log_size == 600
