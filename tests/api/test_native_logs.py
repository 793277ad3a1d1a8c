"""Logs, as the native face tells them: from a byte on, as JSON or as they were written."""

from __future__ import annotations

import zlib

import pytest
from django.utils import timezone

from deployments.models import Deployment, JobState, State
from tests import factories
from tests.api.client import Api, read


def make_log(place: factories.Place, content: bytes, *, is_over: bool = True) -> Deployment:
    state = State.SUCCEEDED if is_over else State.RUNNING
    deployment = factories.make_deployment(place, state)
    now = timezone.now()
    job = deployment.jobs.create(
        org=place.org,
        agent=place.agent,
        state=JobState.SUCCEEDED if is_over else JobState.RUNNING,
        fence=1,
        lease_until=None if is_over else now,
        finished_at=now if is_over else None,
        log_size=len(content),
    )
    job.log_chunks.create(offset=0, length=len(content), content=zlib.compress(content))
    return deployment


def test_a_log_is_read_as_json_from_a_byte_on(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, "grüß dich\n".encode())

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs?after=2"))["data"]

    assert shown == {
        "job": deployment.jobs.get().uid,
        "after": 2,
        "next_offset": 12,
        "size": 12,
        "is_complete": True,
        "text": "üß dich\n",
    }


def test_a_log_is_read_as_the_bytes_that_were_written(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, b"\xff\x00<script>\x1b[31m\n")

    for response in (
        api.get(f"/api/v1/deployments/{deployment.uid}/logs", Accept="text/plain"),
        api.get(f"/api/v1/deployments/{deployment.uid}/logs?format=text"),
    ):
        assert response.content == b"\xff\x00<script>\x1b[31m\n"
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert response["X-Next-Offset"] == "16"


def test_a_character_that_is_not_whole_yet_waits_for_its_rest(
    api: Api, place: factories.Place
) -> None:
    deployment = make_log(place, b"gr\xc3", is_over=False)

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["text"], shown["next_offset"], shown["is_complete"]) == ("gr", 2, False)


def test_bytes_that_are_no_text_are_replaced_in_json(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, b"a\xff\xfeb\xc3")

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["text"], shown["next_offset"]) == ("a��b�", 5)


def test_a_deployment_without_a_job_has_an_empty_log(api: Api, place: factories.Place) -> None:
    deployment = factories.make_deployment(place, State.CANCELED)

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["job"], shown["text"], shown["size"]) == (None, "", 0)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=" + "9" * 25, "format=xml"])
def test_a_log_is_asked_for_with_sense_or_400(api: Api, place: factories.Place, query: str) -> None:
    deployment = make_log(place, b"text")

    assert api.get(f"/api/v1/deployments/{deployment.uid}/logs?{query}").status_code == 400


def test_a_job_of_another_deployment_is_404(api: Api, place: factories.Place) -> None:
    one, other = make_log(place, b"one"), make_log(place, b"other")

    path = f"/api/v1/deployments/{one.uid}/logs?job={other.jobs.get().uid}"

    assert api.get(path).status_code == 404
