"""Figures: what was measured, what it was measured against, and whether that reaches the goal."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number. `floor` is the same done with nothing of Hydra in the way.

    `is_met` is None where there is no goal.
    """

    measure: str
    mode: str
    name: str
    value: float
    unit: str
    goal: str = ""
    is_met: bool | None = None
    floor: float | None = None
    floor_name: str = ""
    neighbours: float = 0.0
    notes: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None


@dataclass
class Sheet:
    """All figures of a run, told as they come."""

    tell: Callable[[str], None]
    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        self.tell(f"  {figure.name}: {shown(figure.value)} {figure.unit}{verdict(figure)}")

    def write(self, path: Path, facts: dict[str, object]) -> None:
        rows = [{**asdict(figure), "ratio": figure.ratio} for figure in self.figures]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**facts, "figures": rows}, indent=2) + "\n")


def verdict(figure: Figure) -> str:
    if figure.is_met is None:
        return ""
    return f" ({'met' if figure.is_met else 'NOT MET'}: {figure.goal})"


def shown(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


COLUMNS = ("mode", "figure", "value", "floor", "ratio", "goal", "met", "others")


def table(figures: Sequence[Figure]) -> str:
    """The figures for people, one line each."""
    rows = [COLUMNS, *(cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.mode,
        figure.name,
        f"{shown(figure.value)} {figure.unit}",
        f"{shown(figure.floor)} ({figure.floor_name})" if figure.floor is not None else "",
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
        figure.goal,
        {None: "", True: "yes", False: "NO"}[figure.is_met],
        f"{figure.neighbours:.0%}",
    )
