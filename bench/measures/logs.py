"""A step that prints 100 MB: how fast they arrive, and what agent and server need for it."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.client import Broken, Connection, request_bytes
from bench.figures import shown
from bench.measures.running import Run, wait_until

MEGABYTES = 100
QUICK_MEGABYTES = 20
GOAL_MB_S = 30
AGENT_MB = 60
SERVER_MB = 50
LOOK_SECONDS = 0.1
ENDED = """
SELECT d.state, j.log_size, d.uid
FROM deployments_deployment d JOIN deployments_job j ON j.deployment_id = d.id
JOIN projects_application a ON a.id = d.application_id
WHERE a.code = 'log' AND d.finished_at IS NOT NULL
"""


def measure(run: Run) -> None:
    hydra, size = run.hydra, (QUICK_MEGABYTES if run.is_quick else MEGABYTES) * 1_000_000
    printed = hydra.home / "step.log"
    write_log(printed, size)
    with hydra.agent() as agent:
        pids = [pid for group in hydra.server_pids().values() for pid in group]
        before = {pid: machine.memory(pid) for pid in pids}
        watch = Watch(pids)
        began = time.monotonic()
        hydra.create_version("log", "v1")
        wait_until(lambda: bool(hydra.rows(ENDED)), seconds=180, what="the log arrives")
        seconds = time.monotonic() - began
        most = watch.stop()
        agent_peak = machine.memory(agent, "VmHWM")
    state, stored, deployment = hydra.rows(ENDED)[0]
    if (state, stored) != ("succeeded", size):
        raise Broken(f"The deployment is {state}, its log has {stored} of {size} bytes.")
    require_whole(run, deployment, printed)
    growth = max(most[pid] - before[pid] for pid in pids)
    rate, floor = size / 1e6 / seconds, size / 1e6 / bare_seconds(printed)
    run.add(
        f"log of {size // 1_000_000} MB, end to end",
        rate,
        "MB/s",
        goal=f"at least {GOAL_MB_S} MB/s",
        is_met=rate >= GOAL_MB_S,
        floor=floor,
        floor_name="a pipe into a file, MB/s",
        notes=f"{seconds:.2f} s",
    )
    run.add(
        "  agent's memory at its peak",
        agent_peak,
        "MB",
        goal=f"under {AGENT_MB} MB",
        is_met=agent_peak < AGENT_MB,
    )
    run.add(
        "  growth of the server process that grew most",
        growth,
        "MB",
        goal=f"under {SERVER_MB} MB",
        is_met=growth < SERVER_MB,
        notes=", ".join(f"{shown(before[pid])} to {shown(most[pid])}" for pid in pids),
    )


class Watch:
    """The most memory that processes have, looked at ten times a second."""

    def __init__(self, pids: list[int]) -> None:
        self.most = {pid: machine.memory(pid) for pid in pids}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            for pid, most in self.most.items():
                self.most[pid] = max(most, machine.memory(pid))

    def stop(self) -> dict[int, float]:
        self.stopping.set()
        self.thread.join()
        return self.most


def write_log(place: Path, size: int) -> None:
    """Lines as builds print them, never the same twice within what a compressor remembers."""
    with place.open("wb") as file:
        for block in blocks():
            file.write(block[: size - file.tell()])
            if file.tell() == size:
                return


def blocks() -> Iterator[bytes]:
    chance = random.Random(1)
    words = [f"{chance.randrange(16**6):06x}" for _ in range(500)] + ["build", "test", "ok"] * 200
    lines = [
        f"2026-01-01T00:00:{chance.randrange(60):02d}Z [{chance.choice(words)}] "
        f"{' '.join(chance.choices(words, k=10))} in {chance.randrange(10_000)} ms\n"
        for _ in range(20_000)
    ]
    block = "".join(lines).encode()
    while True:
        yield block


def require_whole(run: Run, deployment: str, printed: Path) -> None:
    """The log as it is shown is, byte for byte, what was printed."""
    with Connection(run.hydra.port) as connection, printed.open("rb") as file:
        while True:
            target = f"/api/v1/deployments/{deployment}/logs?format=text&after={file.tell()}"
            asked = request_bytes("GET", target, headers=run.hydra.headers)
            shown_bytes = connection.ask(asked).body
            if file.read(len(shown_bytes) or 1) != shown_bytes:
                raise Broken(f"The log is not what was printed, before byte {file.tell()}.")
            if not shown_bytes:
                return


def bare_seconds(printed: Path) -> float:
    """`cat` through a pipe into a file, by a program in Python."""
    target = printed.with_suffix(".copy")
    began = time.monotonic()
    with (
        subprocess.Popen(["bash", "-c", f'cat "{printed}"'], stdout=subprocess.PIPE) as process,
        target.open("wb") as file,
    ):
        if process.stdout is None:
            raise AssertionError
        while chunk := process.stdout.read(65_536):
            file.write(chunk)
    seconds = time.monotonic() - began
    target.unlink()
    return seconds
