"""What waits: parked polls and event streams, over real sockets."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured
from django.test import Client

from agents import services as agents_services
from agents.models import Agent
from deployments import live
from deployments.services import cancel, jobs, logs
from orgs.models import SYSTEM, Role
from orgs.services import suspensions
from tests import factories
from tests.conftest import signed_in
from tests.deployments.job_course import SESSION, deploy, finish, run
from tests.factories import Place
from tests.serving import served

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def port() -> Iterator[int]:
    """The live application on a loopback port."""
    with served(live.application) as number:
        yield number


@dataclass
class Answer:
    status: int
    body: Any


def ask(port: int, token: str, *, timeout: float = 20, **ask: Any) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        body = json.dumps({"session": SESSION, "free": 1, "running": [], **ask})
        connection.request("POST", "/live/agent/poll", body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))
    finally:
        connection.close()


def ask_later(port: int, token: str, **more: Any) -> tuple[threading.Thread, list[Answer]]:
    """A poll in a thread that has been parked when this returns."""
    got: list[Answer] = []
    thread = threading.Thread(target=lambda: got.append(ask(port, token, **more)), daemon=True)
    before = sum(len(events) for _, events in live.hub.parked.values())
    thread.start()
    ends = time.monotonic() + 10
    while sum(len(events) for _, events in live.hub.parked.values()) == before:
        assert time.monotonic() < ends, got
        time.sleep(0.005)
    return thread, got


def make_greeted_place() -> Place:
    place = factories.make_place()
    greet(place.agent, SESSION)
    return place


def greet(agent: Agent, session: str) -> None:
    Agent.objects.filter(pk=agent.pk).update(session=session, presence="online")


def test_a_poll_is_answered_at_once_when_there_is_work(port: int) -> None:
    place = make_greeted_place()
    deployment = deploy(place)

    answer = ask(port, place.agent_token)

    assert answer.status == 200
    assert answer.body["job"]["deployment"] == deployment.uid
    assert answer.body["job"]["fence"] == 1


def test_a_parked_poll_is_woken_by_a_new_deployment(port: int) -> None:
    place = make_greeted_place()
    thread, got = ask_later(port, place.agent_token, wait_s=15)

    deployment = deploy(place)

    thread.join(10)
    assert got[0].body["job"]["deployment"] == deployment.uid


def test_a_parked_poll_is_told_what_to_cancel(port: int) -> None:
    place = make_greeted_place()
    deployment = deploy(place)
    job = run(place)
    thread, got = ask_later(port, place.agent_token, wait_s=15, running=[job.uid], free=0)

    cancel.cancel(deployment, by=SYSTEM)

    thread.join(10)
    assert got[0].body == {"job": None, "cancel": [job.uid]}


def test_a_poll_without_work_is_answered_with_none_when_its_time_is_up(port: int) -> None:
    place = make_greeted_place()

    assert ask(port, place.agent_token, wait_s=0.2).body == {"job": None, "cancel": []}


def test_an_older_session_is_told_that_it_was_superseded(port: int) -> None:
    place = make_greeted_place()
    greet(place.agent, str(uuid4()))

    answer = ask(port, place.agent_token)

    assert (answer.status, answer.body["code"]) == (409, "superseded")


def test_revoking_a_key_ends_the_poll_that_is_parked_with_it(port: int) -> None:
    place = make_greeted_place()
    thread, got = ask_later(port, place.agent_token, wait_s=15)

    agents_services.revoke_agent(place.agent, by=SYSTEM)

    thread.join(10)
    assert got[0].status == 401


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"free": "many"}', b'{"running": [1]}'])
def test_a_poll_that_is_not_as_it_should_be_is_refused(port: int, body: bytes) -> None:
    place = make_greeted_place()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": f"Bearer {place.agent_token}"}

    connection.request("POST", "/live/agent/poll", body, headers)
    answer = connection.getresponse()

    refusal = json.loads(answer.read())
    connection.close()
    assert answer.status == 400
    assert refusal["error"]


def test_parked_polls_hold_no_threads(port: int) -> None:
    place = make_greeted_place()
    agents = [factories.make_agent(place.org) for _ in range(20)]
    for agent, _ in agents:
        greet(agent, SESSION)
    polls = [ask_later(port, token, wait_s=3) for _, token in agents]

    mine = [t for t in threading.enumerate() if t.name.startswith("live")]

    assert len(mine) <= live.DATABASE_THREADS
    for thread, got in polls:
        thread.join(15)
        assert got[0].body == {"job": None, "cancel": []}


# --- Streams -----------------------------------------------------------------------------------


def stream(port: int, path: str, client: Client | None) -> tuple[int, list[tuple[str, Any]]]:
    """The status and all events of a stream that ends."""
    name = configured.SESSION_COOKIE_NAME
    cookie = f"{name}={client.cookies[name].value}" if client is not None else ""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    text = answer.read().decode()
    answer.close()
    connection.close()
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return answer.status, events


def make_finished(content: bytes = b"one\ntwo\n") -> tuple[Place, str]:
    place = make_greeted_place()
    deployment = deploy(place)
    job = run(place)
    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=content)
    finish(place, job)
    return place, deployment.uid


def test_a_stream_tells_state_steps_and_log_and_ends_with_the_deployment(port: int) -> None:
    place, uid = make_finished("grüße\n".encode())
    viewer = signed_in(factories.make_member(place.org, Role.USER))

    status, events = stream(port, f"/live/deployments/{uid}/stream", viewer)

    assert status == 200
    assert [name for name, _ in events] == ["state", "steps", "log", "end"]
    assert events[0][1]["state"] == "succeeded"
    assert events[2][1]["text"] == "grüße\n"


def test_a_stream_resumes_where_it_broke(port: int) -> None:
    place, uid = make_finished(b"one\ntwo\n")
    viewer = signed_in(factories.owner_of(place.org))

    _, events = stream(port, f"/live/deployments/{uid}/stream?after=4", viewer)

    (log,) = [body for name, body in events if name == "log"]
    assert (log["offset"], log["next"], log["text"]) == (4, 8, "two\n")


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_a_stream_of_another_organization_does_not_exist(port: int, who: str) -> None:
    _, uid = make_finished()
    stranger = factories.owner_of(factories.make_org())
    client = signed_in(stranger) if who == "stranger" else None

    assert stream(port, f"/live/deployments/{uid}/stream", client) == (404, [])
    assert stream(port, "/live/deployments/d_nothing/stream", client) == (404, [])


def test_a_role_without_the_right_is_refused(port: int) -> None:
    place, uid = make_finished()
    billing = signed_in(factories.make_member(place.org, Role.BILLING))

    assert stream(port, f"/live/deployments/{uid}/stream", billing)[0] == 403


def test_a_job_that_runs_is_streamed_as_it_goes(port: int) -> None:
    place = make_greeted_place()
    deployment = deploy(place)
    job = run(place)
    viewer = signed_in(factories.owner_of(place.org))
    got: list[tuple[int, list[tuple[str, Any]]]] = []
    path = f"/live/deployments/{deployment.uid}/stream"
    reader = threading.Thread(target=lambda: got.append(stream(port, path, viewer)), daemon=True)
    reader.start()

    for offset, content in ((0, b"first\n"), (6, b"second\n")):
        logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=offset, content=content)
    jobs.finish(
        place.agent,
        job_uid=job.uid,
        fence=job.fence,
        ending=jobs.Ending(outcome="failed", reason="No.", steps=[]),
    )

    reader.join(20)
    ((status, events),) = got
    assert status == 200
    assert "".join(body["text"] for name, body in events if name == "log") == "first\nsecond\n"
    assert events[-1] == ("end", {"id": deployment.uid, "state": "failed"})


def test_the_open_pages_of_a_suspended_organization_hear_no_more(port: int) -> None:
    place = make_greeted_place()
    deployment = deploy(place)
    run(place)
    viewer = signed_in(factories.owner_of(place.org))
    got: list[tuple[int, list[tuple[str, Any]]]] = []
    path = f"/live/deployments/{deployment.uid}/stream"
    reader = threading.Thread(target=lambda: got.append(stream(port, path, viewer)), daemon=True)
    reader.start()
    ends = time.monotonic() + 10
    while not live.hub.waiting:
        assert time.monotonic() < ends
        time.sleep(0.005)

    suspensions.suspend(place.org, reason="unpaid", by=SYSTEM)

    reader.join(20)
    ((status, events),) = got
    assert (status, "end" in dict(events)) == (200, False)
    assert stream(port, path, viewer) == (403, [])


def test_an_open_page_hears_no_more_when_its_session_was_ended(port: int) -> None:
    place = make_greeted_place()
    deployment = deploy(place)
    job = run(place)
    owner = factories.owner_of(place.org)
    viewer = signed_in(owner)
    got: list[tuple[int, list[tuple[str, Any]]]] = []
    path = f"/live/deployments/{deployment.uid}/stream"
    reader = threading.Thread(target=lambda: got.append(stream(port, path, viewer)), daemon=True)
    reader.start()
    ends = time.monotonic() + 10
    while not live.hub.waiting:
        assert time.monotonic() < ends
        time.sleep(0.005)

    signed_in(owner).post("/account/sessions/end/")
    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=b"not for you")

    reader.join(20)
    ((status, events),) = got
    assert (status, "log" in dict(events)) == (200, False)
    assert stream(port, path, viewer) == (404, [])


def test_a_parked_agent_of_a_suspended_organization_is_told_when_there_would_be_work(
    port: int,
) -> None:
    place = make_greeted_place()
    thread, got = ask_later(port, place.agent_token)

    suspensions.suspend(place.org, reason="unpaid", by=SYSTEM)
    live.hub.hear("agent", place.agent.uid)

    thread.join(20)
    assert [(answer.status, answer.body["code"]) for answer in got] == [
        (403, "organization_suspended")
    ]
