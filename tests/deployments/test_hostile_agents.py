"""An agent's key in the wrong hands: nothing it says is believed to be well-formed."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from agents.models import Agent
from agents.program.book import blank_report
from deployments import agent_api
from deployments.models import Job, StepRun
from tests import factories
from tests.conftest import signed_in
from tests.deployments.job_course import SESSION, deploy, run
from tests.factories import Place

pytestmark = pytest.mark.django_db

SURROGATE = b'"\\ud800"'


def say(place: Place, path: str, body: bytes) -> tuple[int, Any]:
    answer = Client().post(
        f"/agent/v1/{path}",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {place.agent_token}"},
    )
    return answer.status_code, answer.json()


def make_running() -> tuple[Place, Job]:
    place = factories.make_place()
    Agent.objects.filter(pk=place.agent.pk).update(session=SESSION)
    deploy(place)
    return place, run(place)


def with_session(**body: Any) -> bytes:
    return json.dumps({"session": SESSION, **body}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 20_000,
        b"{" * 20_000,
        b"null",
        b'{"session": "a", "session": "b"}',
        b'{"protocol": 1, "session": "x", "version": ' + SURROGATE + b"}",
        b'{"protocol": 1, "session": "x", "hostname": "\\u0000"}',
        b"\xff",
    ],
)
@pytest.mark.parametrize("path", ["hello", "heartbeat"])
def test_a_body_that_is_no_honest_json_is_refused(path: str, body: bytes) -> None:
    place, _ = make_running()

    status, answer = say(place, path, body)

    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize(
    "step",
    [
        {"attempt": "x"},
        {"attempt": -5},
        {"attempt": 10**12},
        {"exit_code": 10**30},
        {"started_after_ms": 9_000_000_000_000_000_000},
        {"duration_ms": []},
        {"log_from": -9},
        {"log_from": 10, "log_to": 5},
        {"log_to": 10**30},
        {"reason": 5},
        {"position": "0"},
        {"position": 10**9},
        {"state": "great"},
    ],
)
def test_a_step_beyond_what_a_page_can_show_is_refused_and_not_stored(
    step: dict[str, Any],
) -> None:
    place, job = make_running()
    steps = [{"position": 0, "state": "failed", **step}]

    status, _ = say(
        place,
        f"jobs/{job.uid}/finish",
        with_session(fence=job.fence, outcome="failed", reason="", steps=steps),
    )

    assert status == 400
    assert not StepRun.objects.exists()
    page = signed_in(factories.owner_of(place.org)).get(
        f"/o/{place.org.slug}/deployments/{job.deployment.uid}/"
    )
    assert page.status_code == 200


def test_the_same_step_twice_in_one_report_is_refused() -> None:
    place, job = make_running()
    steps = [{"position": 0, "state": "running"}] * 2

    status, _ = say(place, f"jobs/{job.uid}/report", with_session(fence=job.fence, steps=steps))

    assert status == 400


@pytest.mark.parametrize("fence", ["x", None, -1, 1.5, True, 10**30])
def test_a_fence_that_is_no_number_is_refused(fence: Any) -> None:
    place, job = make_running()

    assert (
        say(place, "heartbeat", with_session(running=[{"id": job.uid, "fence": fence}]))[0] == 400
    )
    assert say(place, f"jobs/{job.uid}/start", with_session(fence=fence))[0] == 400


def test_an_agent_that_never_greeted_has_no_session_to_speak_in() -> None:
    place = factories.make_place()

    status, answer = say(place, "heartbeat", b'{"session": "None", "running": []}')

    assert (status, answer["code"]) == (409, "superseded")


def test_an_agents_key_says_nothing_about_another_agents_job() -> None:
    _, job = make_running()
    stranger = factories.make_place()
    session = uuid4()
    Agent.objects.filter(pk=stranger.agent.pk).update(session=session)
    body = json.dumps(
        {"session": str(session), "fence": job.fence, "outcome": "succeeded", "steps": []}
    ).encode()

    for verb in ("start", "report", "finish"):
        status, answer = say(stranger, f"jobs/{job.uid}/{verb}", body)
        assert (status, answer["code"]) == (409, "fenced")

    job.refresh_from_db()
    assert job.state == "running"


@pytest.mark.parametrize(
    "path", ["/o/x/deployments/%00/", "/o/x/projects/?q=%00", "/account/login/?next=%00"]
)
def test_a_nul_in_an_address_is_refused_before_any_database_sees_it(path: str) -> None:
    assert Client().get(path).status_code == 400


def test_a_step_that_never_began_is_taken_as_the_agent_tells_it() -> None:
    """Else a job with a skipped step would never end."""
    blank = blank_report(2, "skipped", "An earlier step failed.")

    assert agent_api.step_report(dict(blank))["attempt"] == 0
