"""The agent's memory on disk: a ticket for every job it took, and what became of it.

    spool/<job>/ticket.json   the job as it was offered; once this name exists, it is accepted
    spool/<job>/journal       what happened, one JSON line each, in space reserved beforehand
    spool/<job>/log           its output, masked
    done                      one line per job whose result the server has

A ticket of which code has run is never run again, whatever happened to the agent in between.
What a journal says survives a killed agent; after a crash of the whole machine the ticket alone
is certain, so everything accepted under another boot counts as perhaps run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.program.joblog import JobLog
from agents.program.offers import BadOffer, Job, read_job
from agents.program.processes import boot_id
from agents.protocol import OUTCOMES, HeldState, Outcome, StepReport

_JOURNAL_BYTES = 32 * 1024
_JOURNAL_BYTES_PER_STEP = 1024
_REMEMBERED = 10_000
_KEPT_SECONDS = 7 * 24 * 3600  # for what a fenced or unreadable job left behind


@dataclass
class Result:
    """How a job ended, as it will be told to the server."""

    outcome: Outcome
    reason: str
    steps: list[StepReport] = field(default_factory=list)


class Ticket:
    """One job on disk. `job` is None when its ticket can no longer be read."""

    def __init__(self, folder: Path, uid: str, fence: int, job: Job | None) -> None:
        self.folder = folder
        self.uid = uid
        self.fence = fence
        self.job = job
        self.boot = ""
        self.started = False
        self.lost = False  # by another process of the agent, in the middle
        self.fenced = False
        self.steps: dict[int, StepReport] = {}
        self.result: Result | None = None
        self.log = JobLog(folder / "log")
        self._journal: int | None = None
        self._written = 0
        self._is_damaged = False
        self._lock = threading.Lock()

    @property
    def state(self) -> HeldState:
        if self.result is not None:
            return "unknown" if self.result.outcome == "unknown" else "finished"
        if self.lost or self.job is None:
            return "unknown"
        return "running" if self.started else "accepted"

    def note_started(self) -> None:
        """Before the first byte of a script runs: from here on it may have had an effect."""
        self.started = True
        self._note("started", {"fence": self.fence})

    def note_process(self, position: int, pid: int, born: str) -> None:
        self._note("process", {"position": position, "pid": pid, "born": born})

    def note_step(self, report: StepReport) -> None:
        self.steps[report["position"]] = report
        self._note("step", {"report": report})

    def note_result(self, result: Result) -> None:
        self.result = result
        log = {"kept": self.log.kept, "dropped": self.log.untold}
        body = {"outcome": result.outcome, "reason": result.reason, "log": log}
        self._note("finished", {**body, "steps": result.steps})

    def note_fenced(self) -> None:
        """The server gave the job away. The log stays here for a while, the secrets do not."""
        self.fenced = True
        self._note("fenced", {})
        self.close()
        self._ticket_file.unlink(missing_ok=True)

    def note_taken_over(self, fence: int) -> None:
        """The same job under a newer fence."""
        self.fence = fence
        self._note("fence", {"fence": fence})

    def close(self) -> None:
        with self._lock:
            if self._journal is not None:
                os.close(self._journal)
                self._journal = None

    def remove(self) -> None:
        self.close()
        self.log.seal()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, job: Job) -> None:
        """Write ticket and journal; OSError when the disk does not take them."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        size = _JOURNAL_BYTES + _JOURNAL_BYTES_PER_STEP * len(job.steps)
        _reserve(self._journal_file, size)
        self.boot = boot_id()
        self.log.recall(None, 0)
        self._note("accepted", {"id": self.uid, "fence": self.fence, "boot": self.boot})
        temporary = self.folder / "ticket.json.tmp"
        _write_durably(temporary, json.dumps(job.raw, separators=(",", ":")).encode())
        temporary.replace(self._ticket_file)

    def recall(self) -> None:
        """Read what an earlier process of the agent wrote about this job."""
        kept: int | None = None
        dropped = 0
        for entry in self._read_journal():
            self._apply(entry)
            log = entry.get("log")
            if isinstance(log, dict):
                kept, dropped = log.get("kept"), log.get("dropped", 0)
        self.log.recall(kept, dropped)
        self.job = self._read_ticket()
        self.lost = self.started or self._is_damaged or self.boot != boot_id()

    @property
    def was_accepted(self) -> bool:
        return self.started or self._ticket_file.exists()

    @property
    def processes(self) -> list[tuple[int, int, str]]:
        """Position, pid and time of birth of each process that ran a step."""
        found = []
        for entry in self._read_journal():
            position, pid, born = (entry.get(key) for key in ("position", "pid", "born"))
            if isinstance(position, int) and isinstance(pid, int) and isinstance(born, str):
                found.append((position, pid, born))
        return found

    @property
    def is_of_this_boot(self) -> bool:
        return self.boot == boot_id()

    @property
    def _ticket_file(self) -> Path:
        return self.folder / "ticket.json"

    @property
    def _journal_file(self) -> Path:
        return self.folder / "journal"

    def _apply(self, entry: Mapping[str, object]) -> None:
        """One line of the journal, as far as it makes sense."""
        what, fence, boot, report = (entry.get(key) for key in ("is", "fence", "boot", "report"))
        if isinstance(fence, int):
            self.fence = fence
        if isinstance(boot, str):
            self.boot = boot
        self.started = self.started or what == "started"
        self.fenced = self.fenced or what == "fenced"
        if isinstance(report, dict):
            self.steps[report["position"]] = report  # type: ignore[assignment]  # as written above
        if what == "finished":
            self.result = Result(entry["outcome"], str(entry["reason"]), entry["steps"])  # type: ignore[arg-type]  # as written above

    def _note(self, what: str, entry: Mapping[str, object]) -> None:
        """Write one line; a full disk cannot prevent it, because the space is reserved."""
        line = json.dumps({"is": what, "at": round(time.time(), 3), **entry}) + "\n"
        with self._lock:
            if self._journal is None:
                flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
                self._journal = os.open(self._journal_file, flags, 0o600)
                os.lseek(self._journal, self._written, os.SEEK_SET)
            try:
                self._written += os.write(self._journal, line.encode())
            except OSError:
                # Beyond the reserved space on a full disk. What is missing later is `unknown`.
                return

    def _read_journal(self) -> Iterator[dict[str, object]]:
        """The whole lines of the journal; a torn last one was never relied upon."""
        try:
            written, _, rest = self._journal_file.read_bytes().partition(b"\0")
        except OSError:
            self._is_damaged = True
            return
        self._written = written.rfind(b"\n") + 1
        self._is_damaged = bool(rest.strip(b"\0"))
        for line in written[: self._written].splitlines():
            try:
                entry: object = json.loads(line)
            except ValueError:
                self._is_damaged = True
                continue
            if isinstance(entry, dict):
                yield entry

    def _read_ticket(self) -> Job | None:
        try:
            raw: object = json.loads(self._ticket_file.read_bytes())
            job = read_job(raw) if isinstance(raw, dict) else None
        except (OSError, ValueError, BadOffer):
            return None
        if job is not None and not self.fence:
            self.fence = job.fence
        return job


class Spool:
    """All tickets of one agent. Only one process may have it at a time."""

    def __init__(self, folder: Path) -> None:
        self._jobs = folder / "spool"
        self._done_file = folder / "done"
        self._done: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._lock = threading.Lock()
        self._jobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._read_done()

    def accept(self, job: Job) -> Ticket:
        """A new ticket, on disk for certain when this returns; OSError when it cannot be."""
        ticket = Ticket(self._jobs / job.uid, job.uid, job.fence, job)
        try:
            ticket.create(job)
        except OSError:
            ticket.remove()
            raise
        return ticket

    def recall(self) -> list[Ticket]:
        """The tickets that another process of this agent left, oldest first."""
        tickets = []
        for folder in sorted(self._jobs.iterdir(), key=_changed_at):
            ticket = Ticket(folder, folder.name, 0, None)
            ticket.recall()
            if ticket.fenced:
                ticket.close()
                self._clear(folder)
            elif folder.name in self._done or not ticket.was_accepted:
                ticket.remove()  # the server has its result, or nothing ever came of it
            else:
                tickets.append(ticket)
        return tickets

    def give_away(self, ticket: Ticket) -> None:
        """The server gave the job away; should it come back, what ran is remembered."""
        ticket.note_fenced()
        if ticket.started:
            self._write_done(ticket, ticket.result.outcome if ticket.result else "unknown")

    def forget(self, ticket: Ticket, outcome: str) -> None:
        """The server has the result. One line says so; the ticket itself may go at leisure."""
        self._write_done(ticket, outcome)

    def outcome_of(self, uid: str) -> Outcome | None:
        """How a job ended that was delivered earlier, if that is still known."""
        _, known = self._done.get(uid, (0, ""))
        return next((outcome for outcome in OUTCOMES if outcome == known), None)

    def _write_done(self, ticket: Ticket, outcome: str) -> None:
        line = json.dumps([ticket.uid, ticket.fence, outcome, int(time.time())]) + "\n"
        with self._lock:
            self._remember(ticket.uid, ticket.fence, outcome)
            try:
                with self._done_file.open("a", encoding="utf-8") as file:
                    file.write(line)
            except OSError:
                return  # a full disk: this process remembers, and the server does too

    def _remember(self, uid: str, fence: int, outcome: str) -> None:
        self._done[uid] = (fence, outcome)
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)

    def _read_done(self) -> None:
        try:
            lines = self._done_file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines[-_REMEMBERED:]:
            try:
                uid, fence, outcome, _ = json.loads(line)
            except ValueError:
                continue
            self._remember(uid, fence, outcome)
        if len(lines) > 2 * _REMEMBERED:
            temporary = self._done_file.with_suffix(".tmp")
            temporary.write_text("\n".join(lines[-_REMEMBERED:]) + "\n", encoding="utf-8")
            temporary.replace(self._done_file)

    @staticmethod
    def _clear(folder: Path) -> None:
        if time.time() - _changed_at(folder) > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _reserve(path: Path, size: int) -> None:
    """Make a file of `size` zeros whose writing later needs no new space."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if sys.platform == "linux":
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.write(descriptor, b"\0" * size)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
