"""What is known of each step of a running job: for the journal, for the reports, for the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agents.program.joblog import StepLog
from agents.program.offers import Step
from agents.program.spool import Ticket
from agents.protocol import StepReport, StepState


class StepBook:
    """The newest report of every step that began or never will."""

    def __init__(self, ticket: Ticket, on_change: Callable[[], None]) -> None:
        self._ticket = ticket
        self._on_change = on_change
        self._began_at = time.monotonic()
        self._reports: dict[int, StepReport] = {}
        self._logs: dict[int, StepLog] = {}
        self._lock = threading.Lock()
        self.version = 0

    def begin(self, step: Step, log: StepLog) -> None:
        """Its first attempt starts now."""
        now = self._elapsed()
        with self._lock:
            self._logs[step.position] = log
            self._put(step, "running", {"started_after_ms": now, "attempt": 1})
        self._on_change()

    def try_again(self, step: Step, attempt: int, reason: str) -> None:
        with self._lock:
            self._put(step, "running", {"attempt": attempt, "reason": reason})
        self._on_change()

    def end(self, step: Step, state: StepState, reason: str, exit_code: int | None) -> None:
        """It ended, or never began."""
        with self._lock:
            self._put(step, state, {"reason": reason, "exit_code": exit_code})
            report = self._reports[step.position]
            if report["started_after_ms"] is not None:
                report["duration_ms"] = self._elapsed() - report["started_after_ms"]
            self._locate(report)
            self._ticket.note_step(report)
        self._on_change()

    def reports(self) -> list[StepReport]:
        """All reports as of now, with the ranges of the log they have so far."""
        with self._lock:
            for report in self._reports.values():
                self._locate(report)
            return [report.copy() for _, report in sorted(self._reports.items())]

    def final_reports(self) -> list[StepReport]:
        """All reports, with ranges of the log as it will stay."""
        log = self._ticket.log
        reports = self.reports()
        for report in reports:
            report["log_from"] = log.settle(report["log_from"])
            report["log_to"] = log.settle(report["log_to"])
        return reports

    def _put(self, step: Step, state: StepState, changes: dict[str, object]) -> None:
        report = self._reports.setdefault(step.position, blank_report(step.position))
        report["state"] = state
        report.update(changes)  # type: ignore[typeddict-item]  # keys of StepReport, see above
        self.version += 1

    def _locate(self, report: StepReport) -> None:
        log = self._logs.get(report["position"])
        end = self._ticket.log.end
        report["log_from"], report["log_to"] = log.range_at(end) if log else (end, end)

    def _elapsed(self) -> int:
        return round((time.monotonic() - self._began_at) * 1000)


def blank_report(position: int, state: StepState = "skipped", reason: str = "") -> StepReport:
    """A step of which nothing is known yet."""
    return {
        "position": position,
        "state": state,
        "attempt": 0,
        "exit_code": None,
        "started_after_ms": None,
        "duration_ms": None,
        "log_from": 0,
        "log_to": 0,
        "reason": reason,
    }
