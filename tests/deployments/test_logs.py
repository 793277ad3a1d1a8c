"""Logs: byte ranges in, byte ranges out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.models import Job
from deployments.services import jobs, logs, sweeps
from tests import factories
from tests.deployments.job_course import deploy, run
from tests.factories import Place

pytestmark = pytest.mark.django_db


def start_job() -> tuple[Place, Job]:
    place = factories.make_place()
    factories.make_variable(place.org, "TOKEN", "s3cr3t-value", is_sensitive=True)
    deploy(place)
    return place, run(place)


def send(place: Place, job: Job, offset: int, content: bytes) -> int:
    return logs.append(
        place.agent, job_uid=job.uid, fence=job.fence, offset=offset, content=content
    )[0]


def test_ranges_follow_each_other_and_are_read_from_any_offset() -> None:
    place, job = start_job()

    assert send(place, job, 0, b"one\n") == 4
    assert send(place, job, 4, b"two\n") == 8

    assert logs.read(job, after=0) == b"one\ntwo\n"
    assert logs.read(job, after=2) == b"e\ntwo\n"
    assert logs.read(job, after=2, limit=3) == b"e\nt"
    assert logs.read(job, after=8) == b""


def test_a_range_that_came_before_is_trimmed_and_a_gap_is_not_taken() -> None:
    place, job = start_job()
    send(place, job, 0, b"hello ")

    assert send(place, job, 3, b"lo world") == 11
    assert send(place, job, 50, b"too far") == 11
    assert send(place, job, 0, b"hello") == 11

    assert logs.read(job, after=0) == b"hello world"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 80)), max_size=30))
def test_whatever_ranges_come_in_whatever_order_what_is_stored_is_a_beginning_of_the_truth(
    cuts: list[tuple[int, int]],
) -> None:
    truth = bytes(range(256))
    place, job = start_job()

    for offset, length in cuts:
        send(place, job, offset, truth[offset : offset + length])

    job.refresh_from_db()
    stored = logs.read(job, after=0)
    assert stored == truth[: len(stored)]
    assert job.log_size == len(stored)


def test_a_secret_that_an_agent_let_through_is_masked_on_arrival_at_equal_length() -> None:
    place, job = start_job()

    send(place, job, 0, b"the token is s3cr3t-value.\n")

    assert logs.read(job, after=0) == b"the token is ************.\n"


def test_an_old_fence_is_refused() -> None:
    place, job = start_job()

    with pytest.raises(jobs.Fenced):
        logs.append(place.agent, job_uid=job.uid, fence=job.fence + 1, offset=0, content=b"x")

    assert logs.read(job, after=0) == b""


def test_bytes_of_a_job_that_was_given_up_are_still_taken() -> None:
    place, job = start_job()
    sweeps.take_tick("leases")
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
    sweeps.lapse_leases()

    assert send(place, job, 0, b"late\n") == 5

    job.refresh_from_db()
    assert job.lease_until is None
