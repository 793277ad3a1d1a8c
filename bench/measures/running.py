"""What a measure is given, and what all of them need."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.client import Broken
from bench.figures import Figure, Sheet
from bench.installation import Installation
from bench.machine import Neighbours

LOOK_SECONDS = 0.05


@dataclass
class Run:
    """One measure on one installation."""

    measure: str
    hydra: Installation
    sheet: Sheet
    is_quick: bool
    neighbours: Neighbours = field(default_factory=Neighbours)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.neighbours.start()

    def add(  # noqa: PLR0913  # the columns of the table
        self,
        name: str,
        value: float,
        unit: str,
        *,
        goal: str = "",
        is_met: bool | None = None,
        floor: float | None = None,
        floor_name: str = "",
        notes: str = "",
    ) -> None:
        figure = Figure(
            measure=self.measure,
            mode=self.hydra.mode,
            name=name,
            value=value,
            unit=unit,
            goal=goal,
            is_met=is_met,
            floor=floor,
            floor_name=floor_name,
            neighbours=self.neighbours.share(time.monotonic() - self.began),
            notes=notes,
        )
        self.sheet.add(figure)


def wait_until(question: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Broken with `what` unless the answer is yes in time."""
    ends = time.monotonic() + seconds
    while not question():
        if time.monotonic() > ends:
            raise Broken(f"{what}: not within {seconds:.0f} s")
        time.sleep(LOOK_SECONDS)
