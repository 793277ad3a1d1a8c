"""Brings a job's log and the reports of its steps to the server, while the job runs and after.

One thread per job, begun when there is something to tell. What the spool has is sent in ranges,
and the server's answer says where to go on: nothing is lost or doubled, whoever restarts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agents.program.client import Backoff, Client, Fenced, NotKnown, Superseded, TooOld, Trouble
from agents.program.joblog import JobLog
from agents.protocol import LOG_RANGE_BYTES, StepReport, job_path

BATCH_SECONDS = 0.1  # under load, log bytes gather this long; the first ones go at once
REPORT_SECONDS = 0.15  # a short step is told of once, when it is over

_REFUSED_SECONDS = 2.0

Call = Callable[[], "dict[str, object]"]


@dataclass(frozen=True)
class Listener:
    """Who wants to know what the server says beside its answer."""

    on_cancel: Callable[[], None]
    on_fenced: Callable[[], None]
    on_superseded: Callable[[Superseded], bool]  # whether that is final


class Wire:
    """The calls about one job, each tried until the server has answered it."""

    def __init__(
        self, client: Client, job: str, fence: Callable[[], int], listener: Listener
    ) -> None:
        self._client = client
        self._job = job
        self._fence = fence
        self._listener = listener
        self.is_cut = False  # the server will not hear about this job any more
        self._gives_up_at: float | None = None

    def give_up_at(self, moment: float) -> None:
        """From this moment on (monotonic) no call is tried again."""
        self._gives_up_at = moment
        # Whoever pauses now may pause for longer than that.
        self._client.wake()

    @property
    def has_given_up(self) -> bool:
        return self._gives_up_at is not None and time.monotonic() >= self._gives_up_at

    def ask(self, verb: str, message: dict[str, object]) -> dict[str, object] | None:
        """The answer to a POST; None when there will be none."""

        def call() -> dict[str, object]:
            whole = {"session": self._client.session, "fence": self._fence(), **message}
            return self._client.ask(job_path(self._job, verb), whole)

        return self._insist(call)

    def put_log(self, offset: int, body: bytes) -> dict[str, object] | None:
        def call() -> dict[str, object]:
            query = {"fence": self._fence(), "offset": offset}
            return self._client.put_log(self._job, query, body)

        return self._insist(call)

    def _insist(self, call: Call) -> dict[str, object] | None:
        backoff = Backoff()
        while not self.is_cut:
            answer = self._try(call, backoff)
            if answer is not None:
                return self._hear(answer)
            if self.has_given_up:
                break
        return None

    def _try(self, call: Call, backoff: Backoff) -> dict[str, object] | None:
        """One try; after one that failed, the pause before the next."""
        try:
            return call()
        except Fenced:
            self.is_cut = True
            self._listener.on_fenced()
        except Superseded as superseded:
            if self._listener.on_superseded(superseded) and self._gives_up_at is not None:
                self._gives_up_at = 0.0
            self._pause(backoff, wish=_REFUSED_SECONDS)
        except (NotKnown, TooOld):
            self._pause(backoff, wish=_REFUSED_SECONDS)
        except Trouble as trouble:
            self._pause(backoff, trouble.retry_in)
        return None

    def _hear(self, answer: dict[str, object]) -> dict[str, object]:
        if answer.get("cancel") is True:
            self._listener.on_cancel()
        return answer

    def _pause(self, backoff: Backoff, wish: float) -> None:
        pause = backoff.next_pause(wish)
        if self._gives_up_at is not None:
            pause = min(pause, max(0.0, self._gives_up_at - time.monotonic()))
        self._client.pause(pause)


class Shipper:
    """Ships one job's log, and tells of its steps."""

    def __init__(self, wire: Wire, log: JobLog) -> None:
        self._wire = wire
        self._log = log
        self._reports: Callable[[], list[StepReport]] | None = None
        self._offset = 0
        self._put_at = 0.0  # when the last range went out
        self._dirty_since: float | None = None
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def tell_steps(self, reports: Callable[[], list[StepReport]]) -> None:
        """Where to look for the newest reports."""
        self._reports = reports

    def note_bytes(self) -> None:
        """There is more of the log."""
        with self._changed:
            self._begin()
            self._changed.notify()

    def note_steps(self) -> None:
        """A step changed."""
        with self._changed:
            if self._dirty_since is None:
                self._dirty_since = time.monotonic()
            self._begin()
            self._changed.notify()

    def finish(self) -> None:
        """Return once the server has all of the log, or will never have it."""
        with self._changed:
            self._is_closing = True
            self._dirty_since = None  # the end of the job tells of all steps
            if self._offset < self._log.available:
                self._begin()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shipper", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while not self._wire.is_cut:
            with self._changed:
                while (pause := self._pause()) != 0:
                    self._changed.wait(pause)
                if self._is_closing and (self._is_done or self._wire.has_given_up):
                    return
                is_report = self._is_report_due()
                if is_report:
                    self._dirty_since = None
            if is_report:
                self._report()
            else:
                self._put()

    @property
    def _is_done(self) -> bool:
        return self._offset >= self._log.available

    def _pause(self) -> float | None:
        """How long nothing is to be done; None until something changes."""
        now = time.monotonic()
        waits = []
        unsent = self._log.available - self._offset
        if self._is_closing or unsent >= LOG_RANGE_BYTES:
            return 0
        if unsent:
            waits.append(self._put_at + BATCH_SECONDS - now)
        if self._dirty_since is not None:
            waits.append(self._dirty_since + REPORT_SECONDS - now)
        return max(0, min(waits)) if waits else None

    def _is_report_due(self) -> bool:
        if self._dirty_since is None or self._is_closing:
            return False
        return time.monotonic() >= self._dirty_since + REPORT_SECONDS

    def _report(self) -> None:
        if self._reports is not None:
            self._wire.ask("report", {"steps": self._reports()})

    def _put(self) -> None:
        """Send the next range, and go on where the server says."""
        body = self._log.read(self._offset, LOG_RANGE_BYTES)
        self._put_at = time.monotonic()
        answer = self._wire.put_log(self._offset, body)
        next_offset = (answer or {}).get("next_offset")
        if next_offset == self._offset and body:
            time.sleep(BATCH_SECONDS)  # the server cannot take it now
        if isinstance(next_offset, int):
            # Never beyond what is there: a server restored from a backup may ask for less, but
            # one that asks for more has mixed something up, and gets the rest as it is.
            self._offset = min(next_offset, self._log.available)
