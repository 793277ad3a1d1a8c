"""Two hundred triggers for one agent that runs sixteen at a time."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from bench import scripts
from bench.client import Load
from bench.measures.running import Run, wait_until

COUNT = 200
QUICK_COUNT = 60
QUEUES = 20
AT_ONCE = 16
GOAL = 40
UNFINISHED = """
SELECT 1 FROM deployments_deployment d JOIN projects_application a ON a.id = d.application_id
WHERE a.code = 'queues' AND d.finished_at IS NULL LIMIT 1
"""
STATES = """
SELECT d.state, count(*) FROM deployments_deployment d
JOIN projects_application a ON a.id = d.application_id WHERE a.code = 'queues' GROUP BY d.state
"""


def measure(run: Run) -> None:
    count = QUICK_COUNT if run.is_quick else COUNT
    hydra = run.hydra
    load = Load(
        hydra.port, lambda n: hydra.version_request("queues", f"q{n % QUEUES}-{n}"), clients=16
    )
    with hydra.agent():
        began, used = time.monotonic(), hydra.processor_seconds()
        load.run_all(count)
        wait_until(lambda: not hydra.rows(UNFINISHED), seconds=120, what="all deployments end")
        seconds, used = time.monotonic() - began, hydra.processor_seconds() - used
    states = dict(hydra.rows(STATES))
    value = states.get("succeeded", 0) / seconds
    run.add(
        f"{count} triggers, one agent, {AT_ONCE} at a time",
        value,
        "/s",
        goal=f"at least {GOAL}/s",
        is_met=value >= GOAL and states == {"succeeded": count},
        floor=count / bare_seconds(count),
        floor_name="bash started here, /s",
        notes=f"{QUEUES} places; {states}",
    )
    run.add("  servers' processor time of each", used / count * 1000, "ms")


def bare_seconds(count: int) -> float:
    """The same scripts, started by this process itself."""

    def start(_number: int) -> None:
        subprocess.run(["bash", "-c", scripts.NOTHING], check=True)

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(start, range(count)))
    return time.monotonic() - began
