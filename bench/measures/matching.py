"""One version against ten thousand rules, in this process."""

from __future__ import annotations

import time

import re2

from bench.figures import Figure, Sheet, median
from bench.machine import Neighbours
from projects.matching import RuleSet

RULES = 10_000
TIMES = 200
QUICK_TIMES = 50
FLOOR_TIMES = 5
GOAL_MS = 5


def measure(sheet: Sheet, *, is_quick: bool) -> None:
    neighbours, began = Neighbours(), time.monotonic()
    neighbours.start()
    patterns = [rf"v{n % 100}\.{n // 100}\.[0-9]+(-rc[0-9]+)?" for n in range(RULES)]
    building = time.perf_counter()
    rules = RuleSet((n, "regex", pattern) for n, pattern in enumerate(patterns))
    build_ms = (time.perf_counter() - building) * 1000
    seconds = []
    for number in range(QUICK_TIMES if is_quick else TIMES):
        name = f"v{number % 100}.{number % 97}.{number}"
        asked = time.perf_counter()
        found = rules.matches(name)
        seconds.append(time.perf_counter() - asked)
        assert len(found) == 1, (name, found)
    value = median(seconds) * 1000
    sheet.add(
        Figure(
            measure="matching",
            mode="both",
            name="one version against 10,000 rules, p50",
            value=value,
            unit="ms",
            goal=f"under {GOAL_MS} ms",
            is_met=value < GOAL_MS,
            floor=one_by_one_ms(patterns),
            floor_name="one by one, ms",
            neighbours=neighbours.share(time.monotonic() - began),
            notes=f"slowest {max(seconds) * 1000:.2f} ms; compiled in {build_ms:.0f} ms",
        )
    )


def one_by_one_ms(patterns: list[str]) -> float:
    """Every pattern asked by itself, compiled beforehand."""
    compiled = [re2.compile(pattern) for pattern in patterns]
    seconds = []
    for number in range(FLOOR_TIMES):
        name = f"v{number}.{number}.{number}"
        began = time.perf_counter()
        assert sum(pattern.fullmatch(name) is not None for pattern in compiled) == 1
        seconds.append(time.perf_counter() - began)
    return median(seconds) * 1000
