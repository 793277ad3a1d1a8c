"""The agent as a whole: what it is made of, and how it comes and goes.

Three kinds of thread: one talks to the server, one is the pulse, each job has one or two. The
main thread waits for what happens: signals, the end of a job, the end of the conversation.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from agents.program.client import Client, Superseded
from agents.program.desk import Desk
from agents.program.options import Options
from agents.program.processes import Processes, adopt_orphans
from agents.program.runner import Surroundings
from agents.program.saying import say
from agents.program.spool import Spool
from agents.program.talker import Talker
from agents.protocol import RESULT_HOURS

EXIT_BROKEN = 1
EXIT_SUPERSEDED = 3
EXIT_TOO_OLD = 4
EXIT_IN_USE = 5

STOP_WITHIN_SECONDS = 3.5
DELIVER_WITHIN_SECONDS = 5.0  # once nothing runs any more; the rest is delivered next time

# Long enough for the agent before this one to end; tests shorten it.
_LOCK_PATIENCE_SECONDS = float(os.environ.get("HYDRA_AGENT_LOCK_SECONDS", "10"))
_LOOK_SECONDS = 1.0


class Agent:
    """One run of the program, from the lock on its folder to its exit code."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._exit_code = 0
        self._is_draining = False
        self._ends_at: float | None = None
        self._client = Client(options.server, options.key, options.ca_file)
        self._client.session = str(uuid.uuid4())
        self._spool = Spool(options.own_dir)
        around = Surroundings(
            options=options,
            client=self._client,
            spool=self._spool,
            processes=Processes(),
            is_alone=self._runs_one,
            on_superseded=self._note_superseded,
            gives_up_at=self._gives_up_at,
        )
        self._desk = Desk(around, self._note_change)
        self._talker = Talker(options, self._client, self._desk, self._events.put)

    def run(self, *, stop_on_eof: bool = False) -> int:
        """Work until told to stop; the exit code."""
        adopt_orphans()
        for number, event in ((signal.SIGTERM, "term"), (signal.SIGINT, "int")):
            signal.signal(number, lambda *_, event=event: self._events.put(event))
        if stop_on_eof:
            threading.Thread(target=self._watch_stdin, daemon=True).start()
        self._desk.resume(self._spool.recall())
        self._talker.start()
        while not self._is_over():
            self._react(self._next_event())
        self._client.close()
        return self._exit_code

    def _runs_one(self) -> bool:
        return self._desk.runs_one()

    def _note_superseded(self, told: Superseded) -> bool:
        return self._talker.note_superseded(told)

    def _note_change(self) -> None:
        """A job left its slot, or this agent altogether."""
        self._talker.note_free_slot()
        self._events.put("job")

    def _next_event(self) -> str:
        """Whatever happens next, or nothing after a while."""
        try:
            return self._events.get(timeout=_LOOK_SECONDS / 4 if self._ends_at else _LOOK_SECONDS)
        except queue.Empty:
            return ""

    def _react(self, event: str) -> None:
        if event == "term" and not self._is_draining:
            self._drain("No more jobs are taken; those that run may end. Once more to stop them.")
        elif event in {"term", "int", "eof"}:
            self._stop()
        elif event == "superseded":
            self._exit_code = EXIT_SUPERSEDED
            self._drain(
                "Another agent with this key said hello after this one and took its place. "
                "This one takes no more jobs and ends."
            )
        elif event in {"too old", "broken"}:
            self._exit_code = EXIT_TOO_OLD if event == "too old" else EXIT_BROKEN
            self._drain("The conversation with the server is over.")

    def _drain(self, why: str) -> None:
        if self._is_draining:
            return
        say(why)
        self._is_draining = True
        self._talker.be_silent()
        if self._options.drain_seconds is not None:
            timer = threading.Timer(self._options.drain_seconds, self._events.put, ("int",))
            timer.daemon = True
            timer.start()

    def _stop(self) -> None:
        """Now, within a few seconds: end what runs, tell what can be told."""
        if self._ends_at is not None and self._desk.runs_nothing():
            self._ends_at = time.monotonic()
            return
        self._drain("Stopping: what runs is ended.")
        self._end_by(time.monotonic() + STOP_WITHIN_SECONDS)
        self._desk.interrupt_all("stopped")

    def _is_over(self) -> bool:
        if not self._is_draining:
            return False
        if self._desk.is_empty():
            return True
        if self._ends_at is None and self._desk.runs_nothing():
            self._end_by(time.monotonic() + DELIVER_WITHIN_SECONDS)
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    def _end_by(self, moment: float) -> None:
        self._ends_at = moment
        self._desk.give_up_at(moment)

    def _gives_up_at(self) -> float:
        """Until when a result is worth another try of this process."""
        return self._ends_at or time.monotonic() + RESULT_HOURS * 3600

    def _watch_stdin(self) -> None:
        """Whoever started this agent holds the other end; when it closes, nobody needs it."""
        # Not through sys.stdin: its lock, held in here, would break the interpreter's end.
        while os.read(0, 4096):
            pass
        self._events.put("eof")


class InUse(Exception):
    """Another agent has this work folder."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; InUse if another agent keeps it for too long."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
    with (folder / "lock").open("a+b") as file:
        while not _lock(file):
            if time.monotonic() > deadline:
                raise InUse(f"Another agent uses {folder.parent}. Give each its own --work-dir.")
            time.sleep(0.1)
        yield


def _lock(file: IO[bytes]) -> bool:
    """Whether the lock is ours now; it ends with the process, however that ends."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
