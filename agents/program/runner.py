"""One job from its ticket to the server's receipt: run it here, or report what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.program.book import StepBook, blank_report
from agents.program.client import Client, Superseded
from agents.program.crash import crashpoint
from agents.program.folders import BadName, WorkFolder
from agents.program.interruption import Interruption, Kind
from agents.program.joblog import LogTurns
from agents.program.offers import Job, Step
from agents.program.options import DEFAULT_KEEP, STOP_SECONDS, Options
from agents.program.plan import Plan
from agents.program.processes import Processes, end_orphans, job_mark
from agents.program.saying import say
from agents.program.shipper import Listener, Shipper, Wire
from agents.program.spool import Result, Spool, Ticket
from agents.program.steps import StepRun, Workshop, script_env
from agents.protocol import HeldState, Outcome, StepReport, StepState

LOST = "The agent was stopped in the middle of this job; how far it came is not known."
LOST_STEP = "The agent was stopped during this step; how it ended is not known."
NEVER_BEGAN = "The agent was stopped before this step."
# What an interruption makes of a job; of one that the server gave away nobody was told to cancel.
_ENDS: Mapping[str, Outcome] = {"overtime": "failed", "fenced": "unknown"}
DAMAGED = "The agent's own record of this job is damaged; what it did is not known."


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of one agent share."""

    options: Options
    client: Client
    spool: Spool
    processes: Processes
    is_alone: Callable[[], bool]
    on_superseded: Callable[[Superseded], bool]
    gives_up_at: Callable[[], float]


class Held:
    """A job that the agent answers for, until the server has its result."""

    def __init__(self, uid: str, fence: int, around: Surroundings) -> None:
        self.uid = uid
        self.fence = fence
        self.around = around
        self.job: Job | None = None
        self.flaw = ""  # why the offer is none, where there is no job
        self.ticket: Ticket | None = None
        self.has_started = False  # the server knows that it runs here
        self.is_at_work = False  # a thread sees to it
        self.interruption = Interruption()
        listener = Listener(
            on_cancel=lambda: self.interrupt("canceled"),
            on_fenced=lambda: self.interrupt("fenced"),
            on_superseded=around.on_superseded,
        )
        self.wire = Wire(around.client, uid, lambda: self.fence, listener)

    @property
    def state(self) -> HeldState:
        return self.ticket.state if self.ticket is not None else "accepted"

    def interrupt(self, kind: Kind) -> None:
        """Stop running it; `fenced` also stops telling of it."""
        if kind == "fenced":
            self.wire.is_cut = True
        self.interruption.interrupt(kind)

    def take_over(self, fence: int) -> None:
        """The server offers it again, under a newer fence: go on under that."""
        self.fence = fence
        if self.ticket is not None:
            self.ticket.note_taken_over(fence)

    def answer(self, result: Result) -> None:
        """Tell a result without running anything, and without a ticket."""
        if self.wire.ask("start", {}) is not None:
            self.wire.give_up_at(self.around.gives_up_at())
            self._finish(result, log_size=0)

    def deliver(self, ticket: Ticket, shipper: Shipper, result: Result) -> bool:
        """Bring log and result to the server; whether it has them now."""
        self.wire.give_up_at(self.around.gives_up_at())
        ticket.log.seal()
        shipper.finish()
        is_known = self._finish(result, log_size=ticket.log.size)
        if is_known:
            self.around.spool.forget(ticket, result.outcome)
        elif self.wire.is_cut:
            self.around.spool.give_away(ticket)
            say(f"Job {self.uid} is no longer this agent's; its log stays in {ticket.folder}.")
        else:
            say(f"The result of job {self.uid} could not be delivered yet; it is kept.")
        return is_known

    def _finish(self, result: Result, *, log_size: int) -> bool:
        message = {
            "outcome": result.outcome,
            "reason": result.reason,
            "log_size": log_size,
            "steps": result.steps,
        }
        return self.wire.ask("finish", message) is not None


class JobRun:
    """Runs the job of an accepted ticket."""

    def __init__(self, job: Job, ticket: Ticket, held: Held) -> None:
        self._job = job
        self._ticket = ticket
        self._held = held
        self._around = held.around
        self._options = held.around.options
        self._sessions: set[int] = set()
        self._active_steps = 0
        self._folder = WorkFolder(self._options.work_dir, job, self._options.policy.user)
        self.shipper = Shipper(held.wire, ticket.log)
        self._book = StepBook(ticket, self.shipper.note_steps)
        self.shipper.tell_steps(self._book.reports)

    def run(self) -> Result | None:
        """How it ended; None when it was not this agent's to run."""
        if self._held.wire.ask("start", {}) is None:
            if self._held.wire.is_cut:
                self._ticket.remove()  # nothing of it ran
            return None
        self._held.has_started = True
        refusal = self._options.policy.refusal(
            self._job, self._options.work_dir, self._options.timeout_seconds
        )
        if refusal:
            say(f"Job {self._job.uid} is refused. {refusal}")
            return self._conclude("failed", refusal)
        try:
            self._folder.prepare(self._job.files)
        except (BadName, OSError) as error:
            return self._conclude("failed", f"The working folder could not be made. {error}")
        return self._run_steps()

    def clear_old(self, busy: frozenset[str]) -> None:
        """Remove older deployments of the same target, except busy ones."""
        keep = self._options.keep or self._job.keep or DEFAULT_KEEP
        try:
            self._folder.prune(keep, busy)
        except OSError as error:
            say(f"Old deployments could not be cleared away: {error}.")

    def _run_steps(self) -> Result:
        self._ticket.note_started()
        crashpoint("started")
        say(f"Job {self._job.uid} begins: {self._job.title}.")
        limit = self._limit_duration()
        shop = self._open_workshop()
        plan = Plan(self._job.steps, lambda step: self._run_step(step, shop), self._skip_step)
        plan.carry_out(lambda: self._held.interruption.has_come)
        if limit is not None:
            limit.cancel()
        self._around.processes.tidy(job_mark(self._job.uid), frozenset(self._sessions))
        result = self._judge()
        say(f"Job {self._job.uid} {result.outcome}. {result.reason}".rstrip())
        crashpoint("finished_not_sent")
        return result

    def _run_step(self, step: Step, shop: Workshop) -> StepState:
        if self._sessions:
            crashpoint("between_steps")
        self._active_steps += 1
        try:
            return StepRun(step, shop).run()
        finally:
            self._active_steps -= 1

    def _skip_step(self, step: Step, state: StepState, reason: str) -> None:
        self._book.end(step, state, reason, None)

    def _judge(self) -> Result:
        outcome, reason = judge(self._job, self._book.reports())
        if outcome == "canceled":
            reason = self._held.interruption.reason or reason
            outcome = _ENDS.get(self._held.interruption.kind or "", "canceled")
        if outcome == "succeeded":
            try:
                self._folder.make_current()
            except OSError as error:
                outcome, reason = "failed", f"The current link could not be switched: {error}."
        return self._conclude(outcome, reason)

    def _conclude(self, outcome: Outcome, reason: str) -> Result:
        """Write the result down before anyone hears of it."""
        self._ticket.log.seal()
        told = {report["position"] for report in self._book.reports()}
        for step in self._job.steps:
            if step.position not in told:
                self._book.end(step, "skipped", reason, None)
        result = Result(outcome, reason, self._book.final_reports())
        self._ticket.note_result(result)
        return result

    def _limit_duration(self) -> threading.Timer | None:
        seconds = self._options.policy.max_seconds
        if seconds is None:
            return None
        timer = threading.Timer(seconds, self._held.interrupt, ("overtime",))
        timer.daemon = True
        timer.start()
        return timer

    def _open_workshop(self) -> Workshop:
        return Workshop(
            job=self._job,
            ticket=self._ticket,
            folder=self._folder,
            turns=LogTurns(self._ticket.log, self.shipper.note_bytes),
            book=self._book,
            interruption=self._held.interruption,
            processes=self._around.processes,
            env=script_env(self._job, self._folder, self._options.policy.user),
            user=self._options.policy.user,
            timeout_seconds=self._options.timeout_seconds,
            grace_seconds=self._grace,
            is_alone=lambda: self._active_steps == 1 and self._around.is_alone(),
            sessions=self._sessions,
        )

    def _grace(self) -> float:
        """A person who stops the agent waits less long than one who cancels a deployment."""
        grace = self._options.grace_seconds
        return min(STOP_SECONDS, grace) if self._held.interruption.kind == "stopped" else grace


def judge(job: Job, reports: list[StepReport]) -> tuple[Outcome, str]:
    """What the ends of all its steps make of a job."""
    steps = {step.position: step for step in job.steps}
    failure = ""
    for report in reports:
        step = steps[report["position"]]
        if report["state"] in {"canceled", "unknown"}:
            return ("canceled", "") if report["state"] == "canceled" else ("unknown", LOST)
        if report["state"] == "failed" and not step.continue_on_error and not failure:
            failure = f"{step.title[0].upper()}{step.title[1:]} failed: {report['reason']}."
    return ("failed", failure) if failure else ("succeeded", "")


def reckon(ticket: Ticket, options: Options) -> Result:
    """What can be proved of a job that an earlier process of the agent had.

    Its processes are ended first, so that nothing goes on behind an answer of `unknown`.
    """
    if ticket.is_of_this_boot:
        end_orphans(ticket.uid, ticket.processes)
    if ticket.result is not None:
        return ticket.result
    ticket.log.seal()
    job = ticket.job
    if job is None:
        result = Result("unknown", DAMAGED, list(ticket.steps.values()))
    else:
        reports = _complete(job, ticket)
        outcome, reason = judge(job, reports)
        if outcome == "succeeded":
            WorkFolder(options.work_dir, job).make_current()
        result = Result(outcome, reason, reports)
    ticket.note_result(result)
    return result


def _complete(job: Job, ticket: Ticket) -> list[StepReport]:
    """A report for every step: as it was written down, else what must be assumed."""
    unwritten = [step.position for step in job.steps if step.position not in ticket.steps]
    tries = [position for position, _, _ in ticket.processes]
    # The agent may have died between starting a script and noting it: then it is the next one.
    begun = [p for p in dict.fromkeys(tries) if p in unwritten] or unwritten[:1]
    log = ticket.log
    told = [report["log_to"] for report in ticket.steps.values() if _has_output(report)]
    reports = dict(ticket.steps)
    for position in unwritten:
        report = reports[position] = blank_report(position, "skipped", NEVER_BEGAN)
        report["log_from"] = report["log_to"] = log.end
        if position in begun:
            report["state"], report["reason"] = "unknown", LOST_STEP
            report["attempt"] = max(1, tries.count(position))
        if position == begun[0]:  # of parallel ones the first writes, the others wait for it
            report["log_from"] = max(told, default=0)
    for report in reports.values():
        report["log_from"] = log.settle(report["log_from"])
        report["log_to"] = log.settle(report["log_to"])
    return [report for _, report in sorted(reports.items())]


def _has_output(report: StepReport) -> bool:
    return report["log_to"] > report["log_from"]
