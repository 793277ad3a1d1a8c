"""A thousand agents that wait: what that costs the process that holds them, and waking one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from bench import machine
from bench.client import Broken
from bench.figures import median, shown
from bench.installation import floor_of_parking
from bench.measures.running import Run
from bench.parked import Crowd

AGENTS = 1000
QUICK_AGENTS = 200
SECONDS = 20.0
QUICK_SECONDS = 6.0
WOKEN = 20
WAKE_GAP_SECONDS = 0.1
WAKE_SECONDS = 10.0
# The goals stand for 5,000 agents; what a thousand may take is measured against the same.
MEMORY_MB, SHARE, WAKE_MS = 400, 0.10, 50


def measure(run: Run) -> None:
    asyncio.run(measure_crowd(run))


async def measure_crowd(run: Run) -> None:
    hydra = run.hydra
    live, seconds = hydra.live_pid(), QUICK_SECONDS if run.is_quick else SECONDS
    with floor_of_parking(hydra) as (floor_port, floor_pid):
        floor_mb = await bare_memory(floor_port, floor_pid, count=len(hydra.scene["parked"]))
    crowd = Crowd(hydra.port, hydra.scene["parked"])
    await asyncio.to_thread(crowd.greet)
    before = machine.memory(live)
    try:
        await crowd.park()
        after = machine.memory(live)
        quiet = await share_of([live], asyncio.sleep(seconds))
        polls = crowd.polls
        answering = [pid for group in hydra.server_pids().values() for pid in group]
        loud = await share_of(answering, crowd.beat(seconds))
        crowd.require_alive()
        wakes, creates = await wake_some(run, crowd)
    finally:
        await crowd.leave()
    tell(run, (before, after, floor_mb), (quiet, loud, polls), (wakes, creates))


async def bare_memory(port: int, pid: int, *, count: int) -> float:
    """MB by which the bare application grows with as many connections."""
    before = machine.memory(pid)
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /park HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
        writers.append(writer)
    await asyncio.sleep(1)
    grown = machine.memory(pid) - before
    for writer in writers:
        writer.close()
    return grown


async def share_of(pids: list[int], waiting: Awaitable[None]) -> float:
    """What part of one processor these used while `waiting` took its time."""
    used, began = sum(map(machine.processor_seconds, pids)), time.monotonic()
    await waiting
    return (sum(map(machine.processor_seconds, pids)) - used) / (time.monotonic() - began)


async def wake_some(run: Run, crowd: Crowd) -> tuple[list[float], list[float]]:
    """Seconds from asking for a version to the answer of the agent's poll; and of the asking."""
    wakes, creates = [], []
    for number, agent in enumerate(crowd.agents[:WOKEN]):
        began = time.monotonic()
        await asyncio.to_thread(run.hydra.create_version, "wake", f"w{number}-1")
        creates.append(time.monotonic() - began)
        while not agent.woken_at:
            crowd.require_alive()
            if time.monotonic() > began + WAKE_SECONDS:
                raise Broken(f"Agent {number} was not woken in {WAKE_SECONDS:.0f} s.")
            await asyncio.sleep(0.001)
        wakes.append(agent.woken_at - began)
        await asyncio.sleep(WAKE_GAP_SECONDS)
    return wakes, creates


def tell(
    run: Run,
    memory: tuple[float, float, float],
    work: tuple[float, float, int],
    times: tuple[list[float], list[float]],
) -> None:
    (before, after, floor_mb), (quiet, loud, polls), (wakes, creates) = memory, work, times
    count = len(run.hydra.scene["parked"])
    run.add(
        f"{count} parked agents: memory of the live process",
        after,
        "MB",
        goal=f"5,000 under {MEMORY_MB} MB",
        is_met=before + (after - before) * 5000 / count < MEMORY_MB,
        notes=f"{shown(before)} MB before",
    )
    run.add(
        "  growth for each agent",
        (after - before) * 1000 / count,
        "kB",
        floor=floor_mb * 1000 / count,
        floor_name="bare ASGI, kB",
    )
    run.add(
        "  live process, share of a core",
        quiet * 100,
        "%",
        goal=f"5,000 under {SHARE:.0%}",
        is_met=quiet * 5000 / count < SHARE,
        notes=f"{polls} polls came round",
    )
    run.add("  all server processes with heartbeats", loud * 100, "%")
    run.add(
        "  version create to the parked poll's answer, p50",
        median(wakes) * 1000,
        "ms",
        goal=f"under {WAKE_MS} ms",
        is_met=median(wakes) * 1000 < WAKE_MS,
        floor=median(creates) * 1000,
        floor_name="the create alone, ms",
    )
