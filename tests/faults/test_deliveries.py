"""Workers die while customers are told: everybody is told, with the same id and the same body."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation, kill, wait_for

pytestmark = pytest.mark.faults

Install = Callable[..., Installation]
Got = list[tuple[str, bytes]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Got]]:
    """A customer's server, and what it was told: (webhook-id, body)."""
    got: Got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["webhook-id"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()
    thread.join()


def add_webhook(hydra: Installation, url: str) -> None:
    """By the ORM, because the demo's key is a pipeline's and may not."""
    hydra.run_python(
        "from orgs.models import SYSTEM, Organization\n"
        "from deployments.services import webhooks\n"
        "org = Organization.objects.get()\n"
        f"webhooks.create_webhook(org, url={url!r}, verbs=['version.created'], by=SYSTEM)\n"
    )


@pytest.mark.parametrize("place", ["fan_out.before_commit", "delivery.claimed", "delivery.sent"])
def test_a_worker_that_dies_in_the_middle_leaves_no_receiver_untold(
    install: Install, receiver: tuple[str, Got], tmp_path: Path, place: str
) -> None:
    url, got = receiver
    crashed = tmp_path / "crashed"
    crashed.touch()  # as long as it is there, nothing crashes
    hydra = install(
        HYDRA_SERVER_CRASH=place,
        HYDRA_SERVER_CRASH_ONCE=str(crashed),
        HYDRA_SWEEP_SECONDS="1",
    )
    add_webhook(hydra, url)
    wait_for(lambda: is_told(hydra), seconds=30, what="an outbox without the start's own events")
    crashed.unlink()

    with contextlib.suppress(OSError, http.client.HTTPException):  # it may die before it answers
        hydra.create_version("crash-1")
    wait_for(crashed.exists, seconds=30, what="the crash")
    if not hydra.is_full:
        hydra.reap()
        hydra.start()
    answer = hydra.create_version("crash-1")
    make_claims_lapse(hydra)

    expected = 2 if place == "delivery.sent" else 1
    wait_for(lambda: len(got) >= expected, seconds=40, what="the delivery")
    told = defaultdict(set)
    for delivery, body in got:
        told[delivery].add(body)
    ((body,),) = told.values()
    assert json.loads(body)["version"]["id"] == answer.body["id"]


def is_told(hydra: Installation) -> bool:
    """Whether the demo's agent is online and no event waits for the outbox."""
    told = hydra.run_python(
        "from agents.models import Agent\n"
        "from orgs.models import Event\n"
        "waits = Event.objects.filter(needs_fanout=True).exists()\n"
        "print(Agent.objects.filter(presence='online').exists() and not waits)\n"
    )
    return told.strip() == "True"


def make_claims_lapse(hydra: Installation) -> None:
    """What 45 seconds do by themselves: the dead worker's claim comes due again."""
    hydra.run_python(
        "from datetime import timedelta\n"
        "from django.db.models.functions import Now\n"
        "from deployments.models import Delivery\n"
        "Delivery.objects.filter(state='pending').update("
        "next_attempt_at=Now() - timedelta(seconds=1))\n"
    )


def test_celery_killed_as_a_whole_delays_and_loses_nothing(
    install: Install, receiver: tuple[str, Got]
) -> None:
    url, got = receiver
    hydra = install(HYDRA_SWEEP_SECONDS="1")
    add_webhook(hydra, url)
    for pid in hydra.pids("celery"):
        kill(pid)

    hydra.create_version("no-worker-1")

    wait_for(lambda: got, seconds=40, what="the delivery")
