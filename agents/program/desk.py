"""The jobs an agent answers for: taken, resumed, interrupted, let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agents.program.crash import crashpoint
from agents.program.interruption import Kind
from agents.program.offers import BadOffer, Job, read_job, read_name
from agents.program.runner import Held, JobRun, Surroundings, reckon
from agents.program.saying import say
from agents.program.shipper import Shipper
from agents.program.spool import Result, Ticket
from agents.protocol import OFFER_SECONDS, HeldJob, RunningJob

# An offer lapses on the server after 30 s; whoever waits longer has lost it.
TARGET_PATIENCE_SECONDS = OFFER_SECONDS * 2 / 3

AGAIN = "This agent had this job before; it is not run a second time."
NEVER_STARTED = "The agent took this job but never began it."


class Desk:
    """Every job from its offer to the server's receipt, and how many more there may be.

    `running` are those that occupy a slot: a job whose steps are over only waits for its receipt.
    """

    def __init__(self, around: Surroundings, on_change: Callable[[], None]) -> None:
        self._around = around
        self._on_change = on_change
        self._held: dict[str, Held] = {}
        self._running: set[str] = set()
        self._changed = threading.Condition()

    # What is held

    def names(self) -> list[HeldJob]:
        """For a hello."""
        with self._changed:
            held = list(self._held.values())
        return [{"id": one.uid, "fence": one.fence, "state": one.state} for one in held]

    def pulses(self) -> list[RunningJob]:
        """For a heartbeat: what was started here, until the server has its result."""
        self._around.processes.collect()  # as good a moment as any
        with self._changed:
            held = [one for one in self._held.values() if one.has_started]
        return [{"id": one.uid, "fence": one.fence} for one in held]

    def uids(self, *, canceled: bool = False) -> list[str]:
        """For a poll: all of them, or those that are being canceled."""
        with self._changed:
            return [
                uid
                for uid, one in self._held.items()
                if not canceled or one.interruption.kind == "canceled"
            ]

    def is_empty(self) -> bool:
        return not self._held

    def runs_nothing(self) -> bool:
        return not self._running

    def runs_one(self) -> bool:
        return len(self._running) == 1

    def free(self, wait_seconds: float = 0.0) -> int:
        """How many more jobs may be taken; waits a moment for the first."""
        with self._changed:
            if self._free() == 0 and wait_seconds:
                self._changed.wait(wait_seconds)
            return self._free()

    # What comes in

    def take(self, raw: dict[str, object]) -> None:
        """An offer. One that is known already is answered from memory."""
        try:
            uid, fence = read_name(raw)
        except BadOffer as bad:
            say(f"An offer is ignored. {bad}")
            return
        with self._changed:
            held = self._held.get(uid)
            if held is None:
                self._start(self._held_for(uid, fence, raw), self._work_on_offer)
            elif fence > held.fence:
                held.take_over(fence)
                again = threading.Thread(target=held.wire.ask, args=("start", {}), daemon=True)
                again.start()

    def resume(self, tickets: list[Ticket]) -> None:
        """Answer for what an earlier process of this agent left."""
        for ticket in tickets:
            held = Held(ticket.uid, ticket.fence, self._around)
            held.ticket, held.job = ticket, ticket.job
            if ticket.state != "accepted":
                result = reckon(ticket, self._around.options)
                say(f"Job {ticket.uid} was left behind: {result.outcome}. {result.reason}".rstrip())
            with self._changed:
                self._held[ticket.uid] = held

    def _held_for(self, uid: str, fence: int, raw: dict[str, object]) -> Held:
        """Its job is known before anybody works on it: who comes after must see its target."""
        held = Held(uid, fence, self._around)
        try:
            held.job = read_job(raw)
        except BadOffer as bad:
            held.flaw = str(bad)
        return held

    def obey(self, uid: str, fence: int, action: str) -> None:
        """What the server's hello says about a job."""
        with self._changed:
            held = self._held.get(uid)
            if held is None:
                return
            if held.is_at_work:  # a second hello of the same session
                if action == "drop":
                    held.interrupt("fenced")
                return
            if action == "drop" or held.ticket is None:
                self._drop(held)
                return
            if fence > held.fence:
                held.take_over(fence)
            is_startable = action == "continue" and held.state == "accepted"
            self._start(held, self._run if is_startable else self._report)

    def hear(self, answer: dict[str, object]) -> None:
        """What a heartbeat brought back about one job."""
        held = self._held.get(str(answer.get("id")))
        if held is None:
            return
        if answer.get("fenced") is True:
            held.interrupt("fenced")
        elif answer.get("cancel") is True:
            held.interrupt("canceled")

    def cancel(self, uids: list[object]) -> bool:
        """Whether that was news to any job."""
        is_news = False
        for uid in uids:
            held = self._held.get(str(uid))
            if held is not None and not held.interruption.has_come:
                held.interrupt("canceled")
                is_news = True
        return is_news

    def interrupt_all(self, kind: Kind) -> None:
        with self._changed:
            held = list(self._held.values())
        for one in held:
            one.interrupt(kind)

    def give_up_at(self, moment: float) -> None:
        """From then on nobody tries the server again."""
        with self._changed:
            held = list(self._held.values())
        for one in held:
            one.wire.give_up_at(moment)

    # What goes on

    def _start(self, held: Held, work: Callable[..., None], *arguments: object) -> None:
        """Under the lock: occupy a slot and begin."""
        self._held[held.uid] = held
        self._running.add(held.uid)
        held.is_at_work = True
        thread = threading.Thread(
            target=self._and_release,
            args=(held, work, *arguments),
            name=held.uid,
            daemon=True,
        )
        thread.start()

    def _and_release(self, held: Held, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(held, *arguments)
        finally:
            self._release(held)

    def _work_on_offer(self, held: Held) -> None:
        """From the offer to the ticket, and on."""
        job = held.job
        if job is None:
            held.answer(Result("failed", held.flaw))
            return
        known = self._around.spool.outcome_of(held.uid)
        if known is not None and not (known == "unknown" and _may_repeat(job)):
            held.answer(Result(known, AGAIN))
            return
        if not self._wait_for_target(held, job):
            say(f"Job {held.uid} is not taken: another one for its target is not done yet.")
            return
        try:
            held.ticket = self._around.spool.accept(job)
        except OSError as error:
            held.answer(
                Result("failed", f"The job could not be stored here, nothing ran: {error}.")
            )
            return
        crashpoint("accepted")
        self._run(held)

    def _run(self, held: Held) -> None:
        """From the ticket to the receipt."""
        if held.ticket is None or held.ticket.job is None:
            return
        run = JobRun(held.ticket.job, held.ticket, held)
        result = run.run()
        self._leave_slot(held)
        if result is not None and held.deliver(held.ticket, run.shipper, result):
            self._release(held)  # the next job of this target need not wait for the cleaning
            held.ticket.remove()
            run.clear_old(self._busy_deployments())

    def _report(self, held: Held) -> None:
        """Only tell what became of it."""
        ticket = held.ticket
        if ticket is None:
            return
        self._leave_slot(held)
        result = ticket.result or Result("canceled", NEVER_STARTED)
        if held.deliver(ticket, Shipper(held.wire, ticket.log), result):
            ticket.remove()

    def _drop(self, held: Held) -> None:
        if held.ticket is not None:
            self._around.spool.give_away(held.ticket)
        del self._held[held.uid]
        self._changed.notify_all()

    def _wait_for_target(self, held: Held, job: Job) -> bool:
        """Until no other job of the same target is held; False if that takes too long."""
        deadline = time.monotonic() + TARGET_PATIENCE_SECONDS
        with self._changed:
            while any(
                one.job is not None and one.job.target == job.target for one in self._others(held)
            ):
                if not self._changed.wait(deadline - time.monotonic()):
                    return False
        return True

    def _others(self, held: Held) -> list[Held]:
        """Those that were here before `held`."""
        before = []
        for one in self._held.values():
            if one is held:
                break
            before.append(one)
        return before

    def _leave_slot(self, held: Held) -> None:
        with self._changed:
            self._running.discard(held.uid)
            self._changed.notify_all()
        self._on_change()

    def _release(self, held: Held) -> None:
        with self._changed:
            if self._held.get(held.uid) is held:
                del self._held[held.uid]
                self._running.discard(held.uid)
            self._changed.notify_all()
        self._on_change()

    def _free(self) -> int:
        """Under the lock. Undelivered results take no slot, but there is an end to them too."""
        most = self._around.options.max_jobs
        return max(0, min(most - len(self._running), 2 * most - len(self._held)))

    def _busy_deployments(self) -> frozenset[str]:
        with self._changed:
            return frozenset(one.job.deployment for one in self._held.values() if one.job)


def _may_repeat(job: Job) -> bool:
    return all(step.safe_to_repeat for step in job.steps)
