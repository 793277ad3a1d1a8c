"""The conversation with the server: one hello, then poll after poll."""

from __future__ import annotations

import platform
import random
import socket
import threading
import time
from collections.abc import Callable

from agents.program import __version__
from agents.program.client import (
    Backoff,
    Client,
    Fenced,
    NotKnown,
    Parking,
    Superseded,
    TooOld,
    Trouble,
)
from agents.program.desk import Desk
from agents.program.heartbeat import Heartbeat
from agents.program.options import Options
from agents.program.saying import say
from agents.protocol import HELLO, POLL, POLL_SECONDS, PROTOCOL, Hello

_FULL_PAUSE_SECONDS = 1.0  # a slot is usually free again before a parked poll is worth it
_NOT_KNOWN_PAUSE_SECONDS = 5.0
_PARKED_SECONDS = 0.05  # a sooner answer with nothing in it was not parked
_MARGIN_SECONDS = 10.0  # for the way there and back of a poll


class Talker(threading.Thread):
    """Says hello, obeys what comes back, and asks for jobs until it is told to be silent."""

    def __init__(
        self, options: Options, client: Client, desk: Desk, on_end: Callable[[str], None]
    ) -> None:
        super().__init__(name="talker", daemon=True)
        self._options = options
        self._client = client
        self._desk = desk
        self._on_end = on_end
        self._poll_url = POLL
        self._poll_seconds: float = POLL_SECONDS
        self._hello_at = 0.0
        self._is_silent = False
        self._must_greet = True
        self._parking = Parking()
        self._asked_for = 0
        self._was_refused = False
        self.heartbeat = Heartbeat(client, desk.pulses, desk.hear, self.note_superseded)

    def run(self) -> None:
        why = "broken"
        try:
            why = self._talk()
        finally:
            self._on_end(why)

    def be_silent(self) -> None:
        """No more polls; one that waits is cut short."""
        self._is_silent = True
        self._parking.end()
        self._client.wake()

    def note_free_slot(self) -> None:
        """A poll that waits without asking for a job is asked anew."""
        if self._asked_for == 0:
            self._parking.end()

    def note_superseded(self, superseded: Superseded) -> bool:
        """Whether this agent has to go.

        A server restored from a backup knows an older session as its newest: that one is not
        newer than ours, and a hello puts it right.
        """
        if superseded.hello_at is not None and superseded.hello_at < self._hello_at:
            self._must_greet = True
            self._parking.end()
            return False
        if not self._is_silent:
            self.be_silent()
            self._on_end("superseded")
        return True

    def _talk(self) -> str:
        """Why it ended."""
        backoff = Backoff()
        while not self._is_silent:
            try:
                if self._must_greet:
                    self._greet()
                self._poll()
                backoff = Backoff()
            except TooOld as refusal:
                say(f"The server speaks a newer protocol: {refusal} Install its newest agent.")
                return "too old"
            except Superseded as superseded:
                self.note_superseded(superseded)
            except (Trouble, NotKnown, Fenced) as trouble:
                self._rest(trouble, backoff)
        return "silent"

    def _rest(self, trouble: Exception, backoff: Backoff) -> None:
        """Before the next try; not when it was this agent that cut its own poll short."""
        if isinstance(trouble, Trouble):
            if not self._parking.is_over:
                self._client.pause(backoff.next_pause(trouble.retry_in))
            return
        if not self._was_refused:
            say(f"The server does not let this agent in: {trouble} Trying again now and then.")
        self._was_refused = True
        self._client.pause(backoff.next_pause(_NOT_KNOWN_PAUSE_SECONDS))

    def _greet(self) -> None:
        asked: Hello = {
            "protocol": PROTOCOL,
            "session": self._client.session,
            "version": __version__,
            "platform": f"{platform.system()} {platform.machine()}",
            "hostname": socket.gethostname(),
            "python": platform.python_version(),
            "max_jobs": self._options.max_jobs,
            "policy": self._options.policy.summary(),
            "clock": time.time(),
            "jobs": self._desk.names(),
        }
        answer = self._client.ask(HELLO, asked)
        self._must_greet = False
        self._was_refused = False
        self._hello_at = _seconds(answer, "clock", 0.0)
        self._poll_seconds = _seconds(answer, "poll_s", POLL_SECONDS)
        self._poll_url = self._safe_url(answer.get("poll_url"))
        self.heartbeat.seconds = _seconds(answer, "heartbeat_s", self.heartbeat.seconds)
        if not self.heartbeat.is_alive():
            self.heartbeat.start()
        name = answer.get("agent")
        say(f"Connected to {self._client.server} as “{_name(name)}”.")
        told = {str(job.get("id")): job for job in _objects(answer.get("jobs"))}
        for held in asked["jobs"]:
            job = told.get(held["id"], {})
            fence = job.get("fence")
            fence = fence if isinstance(fence, int) else held["fence"]
            self._desk.obey(held["id"], fence, str(job.get("action")))

    def _poll(self) -> None:
        """Ask once. At the limit of jobs, first give them a moment, then wait for cancels alone."""
        free = self._desk.free(_FULL_PAUSE_SECONDS)
        wait = self._poll_seconds * random.uniform(0.8, 1.0)  # noqa: S311 - spreads polls
        self._asked_for = free
        self._parking = Parking()
        if self._is_silent:
            return
        asked = {
            "session": self._client.session,
            "free": free,
            "running": self._desk.uids(),
            "canceling": self._desk.uids(canceled=True),
            "wait_s": round(wait, 3),
        }
        asked_at = time.monotonic()
        timeout = self._poll_seconds + _MARGIN_SECONDS
        answer = self._client.ask(self._poll_url, asked, timeout=timeout, parking=self._parking)
        if self._obey(answer):
            return
        retry_in = _seconds(answer, "retry_in", 0.0)
        if time.monotonic() - asked_at < max(_PARKED_SECONDS, min(1.0, wait / 2)):
            retry_in = max(retry_in, random.uniform(0.05, 0.5))  # noqa: S311 - it did not park us
        if retry_in:
            self._client.pause(retry_in)

    def _obey(self, answer: dict[str, object]) -> bool:
        """Whether the answer had something in it."""
        canceled = answer.get("cancel")
        is_news = self._desk.cancel(canceled if isinstance(canceled, list) else [])
        job = answer.get("job")
        if isinstance(job, dict):
            self._desk.take(job)
            return True
        return is_news

    def _safe_url(self, told: object) -> str:
        """Where to poll; never without TLS when the server itself is reached with it."""
        if not isinstance(told, str) or "://" not in told:
            return POLL
        if self._client.server.startswith("https://") and not told.startswith("https://"):
            say(f"The server wants to be polled at {told}, without TLS. That is not done.")
            return POLL
        return told


def _seconds(answer: dict[str, object], name: str, default: float) -> float:
    value = answer.get(name)
    return float(value) if isinstance(value, (int, float)) and value >= 0 else default


def _objects(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _name(agent: object) -> str:
    return str(agent.get("name") or agent.get("id")) if isinstance(agent, dict) else "an agent"
