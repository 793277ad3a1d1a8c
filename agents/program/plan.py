"""Which step runs when: one after the other, or by their needs as soon as these are done."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from agents.program.offers import Step
from agents.protocol import StepState

NOT_WANTED = {
    "success": "An earlier step failed.",
    "failure": "No earlier step failed.",
}


class Plan:
    """Carries out the steps of one job.

    If no step of the job names needs, each needs the one before it. A failure taints everything
    that needs the failed step, directly or not, unless that step may fail.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        run: Callable[[Step], StepState],
        skip: Callable[[Step, StepState, str], None],
    ) -> None:
        self._run = run
        self._skip = skip
        self._waiting = list(steps)
        self._needs = _needs(steps)
        self._done: set[int] = set()
        self._tainted: set[int] = set()
        self._active = 0
        self._finished: queue.SimpleQueue[tuple[Step, StepState]] = queue.SimpleQueue()

    def carry_out(self, is_interrupted: Callable[[], bool]) -> None:
        """Until every step has run or is known not to; after an interruption none begins."""
        while self._waiting or self._active:
            if is_interrupted():
                self._give_up()
            ready = self._take_ready()
            if len(ready) == 1 and not self._active:
                self._note(ready[0], self._run(ready[0]))
                continue
            for step in ready:
                self._active += 1
                threading.Thread(target=self._run_beside, args=(step,), daemon=True).start()
            if self._active:
                step, state = self._finished.get()
                self._active -= 1
                self._note(step, state)

    def _run_beside(self, step: Step) -> None:
        state: StepState = "unknown"
        try:
            state = self._run(step)
        finally:
            self._finished.put((step, state))

    def _take_ready(self) -> list[Step]:
        """The steps whose turn it is; those that are not wanted are skipped on the way."""
        ready = []
        for step in list(self._waiting):
            needs = self._needs[step.position]
            if not needs <= self._done:
                continue
            self._waiting.remove(step)
            is_hurt = bool(needs & self._tainted)
            if step.run_when == "always" or (step.run_when == "failure") == is_hurt:
                ready.append(step)
            else:
                self._skip(step, "skipped", NOT_WANTED[step.run_when])
                self._note(step, "skipped")
        return ready

    def _note(self, step: Step, state: StepState) -> None:
        self._done.add(step.position)
        has_failed = state not in {"succeeded", "skipped"} and not step.continue_on_error
        if has_failed or self._needs[step.position] & self._tainted:
            self._tainted.add(step.position)

    def _give_up(self) -> None:
        for step in self._waiting:
            self._skip(step, "canceled", "The job was stopped before this step.")
        self._waiting.clear()


def _needs(steps: Sequence[Step]) -> dict[int, frozenset[int]]:
    if any(step.needs for step in steps):
        return {step.position: step.needs for step in steps}
    positions = [step.position for step in steps]
    before = [frozenset[int](), *(frozenset({position}) for position in positions)]
    return {position: before[index] for index, position in enumerate(positions)}
