"""One step: its interpreter, its attempts, its time limit, its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agents.program.book import StepBook
from agents.program.folders import WorkFolder
from agents.program.interruption import Interruption
from agents.program.joblog import LogTurns, StepLog
from agents.program.masking import Masker
from agents.program.offers import Job, Step
from agents.program.output import Output
from agents.program.processes import Command, Family, Processes, born, home_of, step_mark
from agents.program.spool import Ticket
from agents.protocol import StepState

PIPE_GRACE_SECONDS = 0.5  # for what a script left in the background with its output open
MAX_BACKOFF_SECONDS = 300.0

_LOOK_SECONDS = 0.25
_LAST_WAIT_SECONDS = 5.0

# What the environment of the agent itself says about Hydra is not for scripts.
_OURS = ("HYDRA_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "STRIPE_", "EMAIL_URL")


class Verdict(NamedTuple):
    """How one attempt ended."""

    state: StepState
    reason: str = ""
    exit_code: int | None = None


@dataclass(frozen=True)
class Workshop:
    """What the steps of one job share."""

    job: Job
    ticket: Ticket
    folder: WorkFolder
    turns: LogTurns
    book: StepBook
    interruption: Interruption
    processes: Processes
    env: Mapping[str, str]
    user: str | None
    timeout_seconds: float
    grace_seconds: Callable[[], float]
    is_alone: Callable[[], bool]
    sessions: set[int]


class StepRun:
    """One step of a running job."""

    def __init__(self, step: Step, shop: Workshop) -> None:
        self._step = step
        self._shop = shop
        self._seconds = step.timeout_seconds or shop.timeout_seconds

    def run(self) -> StepState:
        """Try until it succeeds, its tries are used up, or the job is interrupted."""
        shop, step = self._shop, self._step
        log = shop.turns.open(step.position)
        verdict = Verdict("failed")
        try:
            shop.book.begin(step, log)
            for attempt in range(1, step.retries + 2):
                if attempt > 1 and not self._may_try_again(attempt, verdict):
                    break
                verdict = self._try(log)
                if verdict.state != "failed":
                    break
        finally:
            log.close()
        shop.book.end(step, verdict.state, verdict.reason, verdict.exit_code)
        return verdict.state

    def _may_try_again(self, attempt: int, verdict: Verdict) -> bool:
        pause = min(MAX_BACKOFF_SECONDS, self._step.backoff_seconds * 2 ** (attempt - 2))
        if self._shop.interruption.wait(pause):
            return False
        reason = f"Attempt {attempt - 1} failed: {verdict.reason}"
        self._shop.book.try_again(self._step, attempt, reason)
        return True

    def _try(self, log: StepLog) -> Verdict:
        """One attempt."""
        try:
            command = self._command()
            process = self._shop.processes.start(command)
        except _NoInterpreter as error:
            return Verdict("failed", str(error))
        except (OSError, ValueError, KeyError) as error:
            return Verdict("failed", f"The script could not be started: {error}.")
        output = Output(process, Masker(self._shop.job.secrets), log)
        output.start()
        self._shop.sessions.add(process.pid)
        self._shop.ticket.note_process(self._step.position, process.pid, born(process.pid))
        self._shop.interruption.listen(output.wake)
        try:
            return self._attend(process, output)
        finally:
            self._shop.interruption.forget(output.wake)
            self._shop.processes.ended(process)

    def _attend(self, process: subprocess.Popen[bytes], output: Output) -> Verdict:
        """Wait for its end, or bring it about."""
        deadline = time.monotonic() + self._seconds
        is_in_time = self._wait(process, output, deadline)
        if is_in_time:
            output.close(PIPE_GRACE_SECONDS)
            return _judge(process)
        kind = self._shop.interruption.kind
        family = Family(
            step_mark(self._shop.job.uid, self._step.position),
            frozenset({process.pid}),
            is_alone=self._shop.is_alone(),
        )
        grace = 0 if kind == "fenced" else self._shop.grace_seconds()
        self._shop.processes.end_family(family, grace=grace)
        _wait_for(process, _LAST_WAIT_SECONDS)
        output.close(PIPE_GRACE_SECONDS)
        if kind is None:
            return Verdict("failed", f"timed out after {self._seconds:g} s", _exit_code(process))
        state: StepState = "failed" if kind == "overtime" else "canceled"
        return Verdict(state, self._shop.interruption.reason, _exit_code(process))

    def _wait(self, process: subprocess.Popen[bytes], output: Output, deadline: float) -> bool:
        """Whether the script ended by itself and in time.

        Its end is usually the end of its output. Something it left in the background may hold
        that open, though; or the script closes it and goes on.
        """
        while not self._shop.interruption.has_come:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            has_ended = output.wait(min(left, _LOOK_SECONDS))
            pause = min(left, _LOOK_SECONDS) if has_ended else 0.0
            if _wait_for(process, pause):
                return True
        return output.has_ended and _wait_for(process, 0.0)

    def _command(self) -> Command:
        shop, step = self._shop, self._step
        script = shop.folder.write_script(step)
        return Command(
            mark=step_mark(shop.job.uid, step.position),
            arguments=[*_interpreter(step.type, shop.env.get("PATH")), str(script)],
            folder=shop.folder.path,
            env=shop.env,
            user=shop.user,
        )


class _NoInterpreter(Exception):
    """This machine cannot run scripts of that type."""


def script_env(job: Job, folder: WorkFolder, user: str | None) -> dict[str, str]:
    """What scripts see: the agent's environment without Hydra's own, then the job's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {
        **inherited,
        **home_of(user),
        **job.env,
        "HYDRA_CONFIG_DIR": str(folder.config),
        "HYDRA_WORK_DIR": str(folder.path),
    }


def _interpreter(step_type: str, path: str | None) -> list[str]:
    """The beginning of the command line that runs a script of that type."""
    if step_type == "bash":
        return [_find("bash", path=path)]
    if step_type == "python":
        return [_find("python3", "python", path=path, otherwise=sys.executable), "-u"]
    options = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]
    return [_find("pwsh", "powershell", path=path), *options]


def _find(*names: str, path: str | None, otherwise: str = "") -> str:
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    if otherwise:
        return otherwise
    raise _NoInterpreter(f"This server has no {' or '.join(names)} to run the script with.")


def _wait_for(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether `process` has ended, after at most `seconds`."""
    if process.poll() is None and seconds > 0:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
    return process.returncode is not None


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """As a shell would say it: 128 and the signal's number for what a signal ended."""
    code = process.returncode
    return 128 - code if code is not None and code < 0 else code


def _judge(process: subprocess.Popen[bytes]) -> Verdict:
    code = process.returncode
    if code == 0:
        return Verdict("succeeded", "", 0)
    if code > 0:
        return Verdict("failed", f"exit code {code}", code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Verdict("failed", f"ended by {name}", _exit_code(process))
