"""From the request that creates a version to the first line of the script that it sets off."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from bench import scripts
from bench.client import Broken, Connection
from bench.figures import percentile
from bench.measures.running import Run, wait_until

TIMES = 200
QUICK_TIMES = 40
WARM_TIMES = 5
GAP_SECONDS = 0.05
P50_MS, P99_MS = 25, 100


def measure(run: Run) -> None:
    times = QUICK_TIMES if run.is_quick else TIMES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ears, run.hydra.agent():
        ears.bind(("127.0.0.1", 0))
        ears.settimeout(20)
        floor = bare_starts(ears, run.hydra.home, times=times)
        used = run.hydra.processor_seconds()
        seconds = starts(run, ears, times=times)
        used = run.hydra.processor_seconds() - used
    for name, share, goal in (("p50", 0.5, P50_MS), ("p99", 0.99, P99_MS)):
        value = percentile(seconds, share) * 1000
        run.add(
            f"version create to first line, {name}",
            value,
            "ms",
            goal=f"under {goal} ms",
            is_met=value < goal,
            floor=percentile(floor, share) * 1000,
            floor_name="bash started here, ms",
            notes=f"{times} one after the other",
        )
    run.add("  servers' processor time of each, to its end", used / len(seconds) * 1000, "ms")


def starts(run: Run, ears: socket.socket, *, times: int) -> list[float]:
    """Seconds of each start, one after the other; each waits until the one before is over."""
    port = ears.getsockname()[1]
    seconds = []
    with Connection(run.hydra.port) as connection:
        for number in range(WARM_TIMES + times):
            name = f"v{number}-{port}"
            began = time.time()
            answer = connection.ask(run.hydra.version_request("latency", name))
            if answer.status != 201:
                raise Broken(f"{answer.status}: {answer.body[:500]!r}")
            seconds.append(hear(ears, name) - began)
            wait_until(lambda: is_idle(run), seconds=20, what="the deployment ends")
            time.sleep(GAP_SECONDS)
    return seconds[WARM_TIMES:]


def is_idle(run: Run) -> bool:
    return not run.hydra.rows(
        "SELECT 1 FROM deployments_target t WHERE head_id IS NOT NULL LIMIT 1"
    )


def hear(ears: socket.socket, name: str) -> float:
    """When the script of version `name` said that it ran."""
    while True:
        try:
            said, moment = ears.recv(200).decode().split()
        except TimeoutError:
            raise Broken(f"The script of {name} was never heard of.") from None
        if said == name:
            return float(moment.replace(",", "."))


def bare_starts(ears: socket.socket, home: Path, *, times: int) -> list[float]:
    """The same script, started by this process itself."""
    script = home / "first-line.sh"
    script.write_text(scripts.FIRST_LINE)
    seconds = []
    for number in range(times):
        name = f"bare{number}-{ears.getsockname()[1]}"
        began = time.time()
        with subprocess.Popen(["bash", str(script)], env={**os.environ, "HYDRA_VERSION": name}):
            seconds.append(hear(ears, name) - began)
    return seconds
