"""`python -m bench`: measure, print a table, write JSON."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import installation, machine
from bench.client import Broken
from bench.figures import Sheet, table
from bench.installation import EMBEDDED, FULL, Installation
from bench.measures import deployments, latency, logs, matching, parking, versions
from bench.measures.running import Run
from hydra.cli.local_services import CannotStart

MATCHING = "matching"
MEASURES: dict[str, Callable[[Run], None]] = {
    "latency": latency.measure,
    "deployments": deployments.measure,
    "versions": versions.measure,
    "log": logs.measure,
    "parked": parking.measure,
}


def main() -> int:
    asked = read_arguments()
    machine.allow_many_connections()
    sheet = Sheet(tell=tell)
    began, started_at = time.monotonic(), datetime.now(UTC)
    broken = measure_all(asked, sheet)
    facts: dict[str, object] = {
        "started_at": started_at.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began, 1),
        "quick": asked.quick,
        "processors": os.cpu_count(),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "broken": broken,
    }
    sheet.write(asked.json, facts)
    print(f"\n{table(sheet.figures)}\n")
    print(f"{time.monotonic() - began:.0f} s in all; `others` is what other programs used of the")
    print(f"machine meanwhile. Everything stands in {asked.json}.")
    for sentence in broken:
        print(f"Not measured: {sentence}", file=sys.stderr)
    return 1 if broken else 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--mode", choices=[EMBEDDED, FULL, "both"], default="both")
    parser.add_argument("--only", choices=[*MEASURES, MATCHING], action="append")
    parser.add_argument("--quick", action="store_true", help="smaller and less certain")
    parser.add_argument("--json", type=Path, default=Path("bench/results.json"))
    return parser.parse_args()


def tell(line: str) -> None:
    print(line, flush=True)


def measure_all(asked: argparse.Namespace, sheet: Sheet) -> list[str]:
    """What could not be measured, in sentences; one measure's failure spares the others."""
    wanted = asked.only or [*MEASURES, MATCHING]
    if MATCHING in wanted:
        tell("Matching, in this process:")
        matching.measure(sheet, is_quick=asked.quick)
    broken: list[str] = []
    names = [name for name in MEASURES if name in wanted]
    for mode in (EMBEDDED, FULL) if asked.mode == "both" else (asked.mode,):
        if names:
            tell(f"Hydra, {mode}:")
            broken += measure_mode(mode, names, asked=asked, sheet=sheet)
    return broken


def measure_mode(
    mode: str, names: list[str], *, asked: argparse.Namespace, sheet: Sheet
) -> list[str]:
    broken = []
    count = parking.QUICK_AGENTS if asked.quick else parking.AGENTS
    try:
        with installation.running(mode, parked_agents=count) as hydra:
            for name in names:
                try:
                    MEASURES[name](Run(name, hydra, sheet, is_quick=asked.quick))
                except (Broken, OSError) as error:
                    broken.append(f"{mode} {name}: {error}\n{last_words(hydra)}")
    except (Broken, CannotStart) as error:
        broken.append(f"{mode}: {error}")
    return broken


def last_words(hydra: Installation) -> str:
    return (hydra.home / "up.log").read_text(errors="replace")[-3000:]


if __name__ == "__main__":
    sys.exit(main())
