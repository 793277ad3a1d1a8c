"""A log that a program follows: `GET /api/v1/deployments/:id/logs?follow=1`, over real sockets."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from deployments import live, streams
from deployments.models import Job
from deployments.services import logs
from hydra import asgi
from hydra.raw_http import Receive, Scope, Send
from orgs.models import SYSTEM, ApiKey, Role
from orgs.services import keys as key_services
from tests import factories
from tests.api.client import Api
from tests.deployments.job_course import deploy, finish, run
from tests.deployments.test_live import make_finished, make_greeted_place
from tests.factories import Place
from tests.serving import served

pytestmark = pytest.mark.django_db(transaction=True)

READ = ["project.*.read_deployment"]
API_HEADERS = ["X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]


async def embedded(scope: Scope, receive: Receive, send: Send) -> None:
    """All of Hydra, but for the worker, whom a test would have to wait for."""
    whole = live.application if scope["type"] == "lifespan" else asgi.embedded
    await whole(scope, receive, send)


@pytest.fixture
def port() -> Iterator[int]:
    with served(embedded) as number:
        yield number


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def told(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.body)
        return told


def get(port: int, path: str, token: str = "", answer: Answer | None = None) -> Answer:
    """The whole answer; `answer` is filled while it comes."""
    answer = answer if answer is not None else Answer()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        answer.status, answer.headers = response.status, dict(response.getheaders())
        while piece := response.read1():
            answer.body += piece
        response.close()
    finally:
        connection.close()
    return answer


def path_of(uid: str, query: str = "") -> str:
    return f"/api/v1/deployments/{uid}/logs?follow=1{query}"


def make_reader(place: Place) -> tuple[ApiKey, str]:
    return factories.make_key(place.org, permissions=READ)


def follow_later(port: int, path: str, token: str) -> tuple[threading.Thread, Answer]:
    answer = Answer()
    thread = threading.Thread(target=get, args=[port, path, token, answer], daemon=True)
    thread.start()
    return thread, answer


def wait_for(answer: Answer, body: bytes) -> None:
    ends = time.monotonic() + 10
    while answer.body != body:
        assert time.monotonic() < ends, answer
        time.sleep(0.01)


def append(place: Place, job: Job, content: bytes) -> None:
    offset = Job.objects.get(pk=job.pk).log_size
    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=offset, content=content)


def test_a_log_is_followed_until_its_deployment_has_ended(port: int) -> None:
    place = make_greeted_place()
    uid, job, token = deploy(place).uid, run(place), make_reader(place)[1]
    append(place, job, b"first\n")
    thread, answer = follow_later(port, path_of(uid), token)
    wait_for(answer, b"first\n")

    append(place, job, b"\xff second\n")
    wait_for(answer, b"first\n\xff second\n")
    assert thread.is_alive()

    finish(place, job)
    thread.join(10)
    assert not thread.is_alive()
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == b"first\n\xff second\n"


def test_a_log_that_is_over_comes_whole_or_from_a_byte_on(port: int) -> None:
    place, uid = make_finished(b"x" * 700_000 + b"\nlast\n")
    token = make_reader(place)[1]

    whole = get(port, path_of(uid), token)
    rest = get(port, path_of(uid, "&after=700001"), token)

    assert whole.body == b"x" * 700_000 + b"\nlast\n"
    assert rest.body == b"last\n"


def test_what_follows_carries_the_headers_of_every_answer(port: int) -> None:
    place, uid = make_finished()

    answer = get(port, path_of(uid), make_reader(place)[1])

    names = {name.lower() for name in answer.headers}
    assert [name for name in API_HEADERS if name.lower() not in names] == []
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_followers_hold_no_threads(port: int) -> None:
    place = make_greeted_place()
    uid, job, token = deploy(place).uid, run(place), make_reader(place)[1]
    append(place, job, b"first\n")
    followers = [follow_later(port, path_of(uid), token) for _ in range(20)]
    for _, answer in followers:
        wait_for(answer, b"first\n")

    answers = get(port, "/healthz").status

    finish(place, job)
    for thread, answer in followers:
        thread.join(10)
        assert (thread.is_alive(), answer.body) == (False, b"first\n")
    assert answers == 200


def test_revoking_the_key_ends_what_follows_with_it(port: int) -> None:
    place = make_greeted_place()
    uid, job = deploy(place).uid, run(place)
    append(place, job, b"first\n")
    key, token = make_reader(place)
    thread, answer = follow_later(port, path_of(uid), token)
    wait_for(answer, b"first\n")

    key_services.revoke_key(key, by=SYSTEM)
    append(place, job, b"not for them\n")

    thread.join(10)
    assert (thread.is_alive(), answer.body) == (False, b"first\n")


def test_following_needs_the_key_and_the_permission_of_reading(port: int) -> None:
    place, uid = make_finished()
    elsewhere = factories.make_key(factories.make_org(), permissions=READ)[1]
    other = factories.make_key(place.org, permissions=["project.*.read"])[1]
    billing = factories.make_member(place.org, Role.BILLING)
    no_role = factories.make_key(place.org, permissions=READ, creator=billing)[1]

    assert get(port, path_of(uid)).status == 401
    assert get(port, path_of(uid), elsewhere).status == 404
    assert get(port, path_of(uid), other).status == 403
    assert get(port, path_of(uid), no_role).status == 403


@pytest.mark.parametrize("query", ["&follow=yes", "&format=json", "&after=-1"])
def test_a_log_is_followed_with_sense_or_400(port: int, query: str) -> None:
    place, uid = make_finished()

    answer = get(port, path_of(uid, query), make_reader(place)[1])

    assert (answer.status, answer.told["code"]) == (400, "invalid")


def test_a_job_of_another_deployment_is_not_followed(port: int) -> None:
    place, uid = make_finished()
    _, other = make_finished()
    job = Job.objects.get(deployment__uid=other)

    answer = get(port, path_of(uid, f"&job={job.uid}"), make_reader(place)[1])

    assert answer.status == 404


# --- Where what waits has an address of its own --------------------------------------------------


@pytest.fixture
def live_port() -> Iterator[int]:
    with served(live.application) as number:
        yield number


def sent_on(place: Place, uid: str) -> str:
    """The path that a web process without ASGI sends a follower to."""
    response = Api(make_reader(place)[1]).get(path_of(uid))
    assert response.status_code == 307
    assert b"curl --location" in response.content
    assert [name for name in API_HEADERS if name not in response] == []
    where = urlsplit(response["Location"])
    assert where.path == streams.FOLLOW
    return f"{where.path}?{where.query}"


def test_a_follower_is_sent_on_and_needs_no_key_there(live_port: int) -> None:
    place, uid = make_finished(b"one\n")

    answer = get(live_port, sent_on(place, uid))

    assert (answer.status, answer.body) == (200, b"one\n")
    assert "x-ratelimit-limit" in answer.headers


def test_the_address_is_good_for_a_minute_and_for_nothing_else(live_port: int) -> None:
    place, uid = make_finished(b"one\n")
    path = sent_on(place, uid)
    with time_machine.travel(timezone.now() - timedelta(seconds=61)):
        old = sent_on(place, uid)

    assert get(live_port, old).status == 410
    assert get(live_port, path[:-1] + ("A" if path[-1] != "A" else "B")).status == 410
    assert get(live_port, streams.FOLLOW).status == 410
    assert get(live_port, path).status == 200


def test_a_key_follows_only_so_many_logs_at_once(
    live_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_FOLLOWED", 1)
    place = make_greeted_place()
    uid, job = deploy(place).uid, run(place)
    append(place, job, b"first\n")
    path = sent_on(place, uid)
    thread, answer = follow_later(live_port, path, "")
    wait_for(answer, b"first\n")

    refused = get(live_port, path)

    assert (refused.status, refused.told["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "5"
    finish(place, job)
    thread.join(10)
    assert get(live_port, path).status == 200
