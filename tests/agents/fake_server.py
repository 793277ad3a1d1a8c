"""A server that speaks the agents' protocol on loopback, remembers everything, and misbehaves.

It stands in for Hydra where the agent program is tested: no database, and faults at will.
"""

from __future__ import annotations

import base64
import os
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.agents.fake_http import Handler, Listener

PATIENCE_SECONDS = 60.0  # what fails a test; a busy machine alone must not

KEY = "hya_madeUpForTheTestsOfTheAgent123456789"


@dataclass
class FakeJob:
    """One job as the server sees it."""

    offer: dict[str, Any]
    state: str = "ready"
    session: str = ""
    log: bytearray = field(default_factory=bytearray)
    log_times: list[tuple[float, int]] = field(default_factory=list)
    steps: dict[int, dict[str, Any]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    starts: int = 0
    finishes: list[dict[str, Any]] = field(default_factory=list)
    is_canceled: bool = False
    renewed: int = 0

    @property
    def uid(self) -> str:
        return str(self.offer["id"])

    @property
    def fence(self) -> int:
        return int(self.offer["fence"])

    @property
    def is_over(self) -> bool:
        return bool(self.finishes)

    @property
    def outcome(self) -> str:
        return str(self.finishes[0]["outcome"]) if self.finishes else ""

    @property
    def reason(self) -> str:
        return str(self.finishes[0]["reason"]) if self.finishes else ""

    def step(self, position: int) -> dict[str, Any]:
        return self.steps[position]

    def part(self, position: int) -> bytes:
        """The bytes of the log that belong to a step."""
        return bytes(self.log[self.steps[position]["log_from"] : self.steps[position]["log_to"]])


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path ends with `path`.

    `lost`: carried out, but the answer never arrives. `reset`: not even carried out. `html`,
    `bad_gateway` and `torn`: answers of something in between. `away`: 503 with a wish.
    """

    path: str
    kind: str
    times: int = 1


def job_name(number: int) -> str:
    """Unlike that of any test beside this one: agents end whatever bears the mark of their jobs."""
    return f"job_{os.getpid()}_{number}"


FIRST_JOB = job_name(1)


class FakeServer:
    """The conversation with one agent, or with several that claim to be the same."""

    def __init__(self) -> None:
        self.heartbeat_s = 0.3
        self.poll_s = 2.0
        self.jobs: dict[str, FakeJob] = {}
        self.actions: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.hellos: list[dict[str, Any]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.session = ""
        self.key = KEY
        self.is_superseded = False
        self.hello_at: float | None = None
        self.changed = threading.Condition()
        self.tls: ssl.SSLContext | None = None
        self.poll_url = ""  # another than its own
        self._server: Listener | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def use_tls(self, context: ssl.SSLContext) -> None:
        self.close()
        self.tls = context
        self.open()

    def open(self) -> None:
        """Listen, on the same port as before."""
        self._server = Listener(("127.0.0.1", self.port), Handler)
        self._server.fake = self
        self._server.tls = self.tls
        self.port = self._server.server_address[1]
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()

    def close(self) -> None:
        """Be away: refuse connections and cut those there are."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.cut_all()
            with self.changed:
                self.changed.notify_all()

    @property
    def is_open(self) -> bool:
        return self._server is not None

    def offer(self, *scripts: str, **changes: Any) -> FakeJob:
        """A new job, ready to be taken; scripts in bash unless `steps` says more."""
        number = len(self.jobs) + 1
        steps = [step(position, script) for position, script in enumerate(scripts)]
        offer = {
            "id": job_name(number),
            "fence": 1,
            "lease_s": 3,
            "deployment": f"d_{number}",
            "project": "shop",
            "application": f"web{number}",
            "environment": "staging",
            "version": f"v1.{number}.0",
            "build": number,
            "steps": steps,
            "files": [],
            "env": {},
            "secrets": [],
            "keep": 5,
            "something_newer": True,
        } | changes
        job = FakeJob(offer)
        with self.changed:
            self.jobs[job.uid] = job
            self.changed.notify_all()
        return job

    def cancel(self, job: FakeJob) -> None:
        with self.changed:
            job.is_canceled = True
            self.changed.notify_all()

    def fence_off(self, job: FakeJob) -> None:
        """The job becomes somebody else's."""
        with self.changed:
            job.offer["fence"] += 1
            job.state = "elsewhere"
            self.changed.notify_all()

    def fail(self, path: str, kind: str, times: int = 1) -> None:
        self.faults.append(Fault(path, kind, times))

    def count(self, ending: str) -> int:
        return sum(path.endswith(ending) for _, path in self.requests)

    def wait(
        self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS, what: str = ""
    ) -> None:
        """Until `condition` holds; it is asked after every request."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"{what or 'the condition'} did not come: {self.summary()}"
                    )
                self.changed.wait(min(left, 0.05))

    def wait_over(self, *jobs: FakeJob, seconds: float = PATIENCE_SECONDS) -> None:
        self.wait(lambda: all(job.is_over for job in jobs), seconds, "the end of the job")

    def summary(self) -> str:
        states = [
            (job.uid, job.state, job.steps, bytes(job.log[-300:])) for job in self.jobs.values()
        ]
        return f"{states}, requests {self.requests[-12:]}"

    # --- What agents ask ---

    def answer(self, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/agent/v1/hello":
            return self._hello(asked)
        if asked["session"] != self.session or self.is_superseded:
            return self._superseded()
        if path == "/live/agent/poll":
            return self._poll(asked)
        if path == "/agent/v1/heartbeat":
            self.heartbeats.append(asked)
            return 200, {
                "jobs": [self._renew(one) for one in asked["running"]],
                "clock": time.time(),
            }
        _, uid, verb = path.rsplit("/", 2)
        job = self.jobs[uid]
        if asked["fence"] != job.fence:
            return 409, {"error": "Fenced.", "code": "fenced", "request_id": "r"}
        return 200, getattr(self, f"_{verb}")(job, asked)

    def put_log(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if query["session"] != self.session:
            return self._superseded()
        job = self.jobs[path.rsplit("/", 2)[1]]
        if int(query["fence"]) != job.fence:
            return 409, {"error": "Fenced.", "code": "fenced", "request_id": "r"}
        assert f"{zlib.crc32(body):08x}" == query["crc32"]
        assert len(body) <= 1024 * 1024
        offset = int(query["offset"])
        if offset <= len(job.log) < offset + len(body):
            job.log += body[len(job.log) - offset :]
            job.log_times.append((time.monotonic(), len(job.log)))
        return 200, {"next_offset": len(job.log), "cancel": job.is_canceled}

    def _superseded(self) -> tuple[int, dict[str, Any]]:
        told = {"error": "A newer session.", "code": "superseded", "request_id": "r"}
        return 409, told if self.hello_at is None else told | {"hello_at": self.hello_at}

    def _hello(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.hellos.append(asked)
        self.session = asked["session"]
        actions = [
            {"id": job["id"], "fence": job["fence"], "action": self._action(job)}
            for job in asked["jobs"]
        ]
        return 200, {
            "agent": {"id": "agt_1", "name": "web-1"},
            "poll_url": self.poll_url or f"{self.url}/live/agent/poll",
            "heartbeat_s": self.heartbeat_s,
            "lease_s": 3,
            "poll_s": self.poll_s,
            "jobs": actions,
            "clock": time.time(),
        }

    def _action(self, held: dict[str, Any]) -> str:
        job = self.jobs[held["id"]]
        if held["id"] in self.actions:
            return self.actions[held["id"]]
        if job.fence != held["fence"] or job.is_over:
            return "drop"
        return "continue" if held["state"] == "accepted" else "report"

    def _poll(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        deadline = time.monotonic() + min(self.poll_s, asked["wait_s"])
        with self.changed:
            while self.is_open and asked["session"] == self.session and not self.is_superseded:
                canceled = [
                    job.uid
                    for job in self.jobs.values()
                    if job.is_canceled and job.uid in asked["running"]
                ]
                if not set(canceled) <= set(asked["canceling"]):
                    return 200, {"job": None, "cancel": canceled}
                job = self._next_job(asked)
                if job is not None:
                    job.state, job.session = "offered", self.session
                    return 200, {"job": job.offer}
                left = deadline - time.monotonic()
                if left <= 0:
                    return 200, {"job": None, "cancel": [], "retry_in": 0}
                self.changed.wait(left)
        if self.is_superseded or asked["session"] != self.session:
            return self._superseded()
        return 503, {"error": "Away.", "code": "unavailable", "retry_in": 0}

    def _next_job(self, asked: dict[str, Any]) -> FakeJob | None:
        if asked["free"] < 1:
            return None
        for job in self.jobs.values():
            if job.state in {"ready", "offered"} and job.uid not in asked["running"]:
                return job
        return None

    def _renew(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs[asked["id"]]
        if asked["fence"] != job.fence:
            return {"id": job.uid, "fenced": True}
        job.renewed += 1
        return {"id": job.uid, "lease_s": 3, "cancel": job.is_canceled}

    def _start(self, job: FakeJob, _asked: dict[str, Any]) -> dict[str, Any]:
        job.starts += 1
        job.state = "running"
        return {"lease_s": 3}

    def _report(self, job: FakeJob, asked: dict[str, Any]) -> dict[str, Any]:
        self._note(job, asked["steps"])
        return {"cancel": job.is_canceled, "lease_s": 3}

    def _finish(self, job: FakeJob, asked: dict[str, Any]) -> dict[str, Any]:
        self._note(job, asked["steps"])
        job.finishes.append(asked)
        job.state = asked["outcome"]
        return {"accepted": True}

    def _note(self, job: FakeJob, reports: list[dict[str, Any]]) -> None:
        for report in reports:
            job.steps[report["position"]] = report
            job.history.append(f"{report['position']} {report['state']}")


def step(position: int, script: str, **changes: Any) -> dict[str, Any]:
    return {
        "position": position,
        "name": f"Step {position}",
        "type": "bash",
        "script": script,
        "timeout_s": 30,
        "retries": 0,
        "backoff_s": 0.05,
        "continue_on_error": False,
        "run_when": "success",
        "needs": [],
        "safe_to_repeat": False,
    } | changes


def config_file(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content_b64": base64.b64encode(content).decode()}


def states(job: FakeJob) -> dict[int, str]:
    """The state of each step, by its position."""
    return {position: report["state"] for position, report in job.steps.items()}
