"""Version creates a second with a hundred rules, beside a bare DRF view that inserts a row.

The rate suffers from whoever else uses the machine; the processor time of each create hardly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench import machine
from bench.client import Load, request_bytes
from bench.figures import median
from bench.installation import FLOOR_TOKEN, floor_of_rows
from bench.measures.running import Run

ROUNDS = 3
SECONDS = 4.0
WARM_SECONDS = 1.0


@dataclass
class Contender:
    """Something to ask for as fast as it answers, and what answering takes."""

    load: Load
    used: Callable[[], float]
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def take_turn(self, seconds: float) -> None:
        used = self.used()
        self.rates.append(self.load.run_for(seconds))
        self.costs.append((self.used() - used) / len(self.load.seconds))


def measure(run: Run) -> None:
    """All are measured by turns, so that a noisy minute spoils them alike."""
    hydra = run.hydra
    rounds, seconds = (1, 2.0) if run.is_quick else (ROUNDS, SECONDS)
    with floor_of_rows(hydra) as (port, pid):
        floor = Contender(Load(port, floor_request), lambda: family_seconds(pid))
        none, one = (
            Contender(Load(hydra.port, composer(run, kind)), hydra.processor_seconds)
            for kind in ("none", "one")
        )
        for contender in (floor, none, one):
            contender.load.run_for(WARM_SECONDS)
        for _ in range(rounds):
            for contender in (floor, none, one):
                contender.take_turn(seconds)
    tell(run, "none firing", none, floor=floor, share=1 / 2, goal="half the floor")
    tell(run, "one firing", one, floor=floor, share=1 / 3, goal="a third of the floor")


def composer(run: Run, kind: str) -> Callable[[int], bytes]:
    return lambda number: run.hydra.version_request("ruled", f"{kind}-{number}")


def floor_request(number: int) -> bytes:
    headers = {"Authorization": f"Bearer {FLOOR_TOKEN}"}
    return request_bytes("POST", f"/create?appCode=ruled&version=v{number}", headers=headers)


def family_seconds(pid: int) -> float:
    return sum(map(machine.processor_seconds, [pid, *machine.descendants(pid)]))


def tell(  # noqa: PLR0913  # two contenders and a goal
    run: Run, name: str, hydra: Contender, *, floor: Contender, share: float, goal: str
) -> None:
    value, bare = median(hydra.rates), median(floor.rates)
    run.add(
        f"version creates, 100 rules, {name}",
        value,
        "/s",
        goal=f"at least {goal}",
        is_met=value >= share * bare,
        floor=bare,
        floor_name="bare DRF view, /s",
        notes=f"8 clients; in turns {[round(rate) for rate in hydra.rates]}",
    )
    run.add(
        "  processor time of each",
        median(hydra.costs) * 1000,
        "ms",
        floor=median(floor.costs) * 1000,
        floor_name="bare DRF view, ms",
    )
