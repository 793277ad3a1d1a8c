"""The pulse of the agent: a thread of its own says every few seconds which jobs are alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agents.program.client import Backoff, Client, Fenced, NotKnown, Superseded, TooOld, Trouble
from agents.program.saying import say
from agents.protocol import HEARTBEAT, HEARTBEAT_SECONDS, RunningJob

_SKEW_SECONDS = 300.0
_PATIENCE_SECONDS = 10.0


class Heartbeat(threading.Thread):
    """Renews the leases of all jobs at once, and hears which are canceled or lost."""

    def __init__(
        self,
        client: Client,
        running: Callable[[], list[RunningJob]],
        on_job: Callable[[dict[str, object]], None],
        on_superseded: Callable[[Superseded], bool],
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._client = client
        self._running = running
        self._on_job = on_job
        self._on_superseded = on_superseded
        self._is_ending = threading.Event()
        self._warned_of_clock = False
        self.seconds: float = HEARTBEAT_SECONDS
        self._pause = 0.0

    def end(self) -> None:
        self._is_ending.set()

    def run(self) -> None:
        backoff = Backoff()
        self._pause = self.seconds
        while not self._is_ending.wait(self._pause):
            self._pause = self.seconds
            try:
                self._beat()
                backoff = Backoff()
            except (Trouble, NotKnown, TooOld, Fenced):
                self._pause = min(self.seconds, backoff.next_pause(self.seconds / 10))
            except Superseded as superseded:
                self._on_superseded(superseded)

    def _beat(self) -> None:
        asked = {"session": self._client.session, "running": self._running(), "drift": {}}
        answer = self._client.ask(HEARTBEAT, asked, timeout=_PATIENCE_SECONDS)
        jobs = answer.get("jobs")
        for job in jobs if isinstance(jobs, list) else []:
            if isinstance(job, dict):
                self._on_job(job)
        self._compare_clocks(answer.get("clock"))

    def _compare_clocks(self, server_time: object) -> None:
        """Nothing here depends on the time of day, but a person reads it in logs."""
        if not isinstance(server_time, (int, float)) or self._warned_of_clock:
            return
        skew = time.time() - server_time
        if abs(skew) > _SKEW_SECONDS:
            self._warned_of_clock = True
            say(f"This machine's clock differs from the server's by {skew:+.0f} s.")
