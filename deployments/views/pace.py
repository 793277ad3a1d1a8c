"""How fast and how well: four figures of the last thirty days as small charts, and one guess."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from deployments.models import Deployment, State
from orgs.models import Organization

DAYS = 30
WIDTH, HEIGHT = 96, 36
MOST_ROWS = 20_000
USUAL_OF = 10
MEASURES = {
    "Deployment frequency": "successes",
    "Lead time": "minutes",
    "Change failure rate": "%",
    "Time to restore": "minutes",
}


@dataclass(frozen=True)
class Figure:
    """One number with its course: points of an SVG polyline, oldest first."""

    name: str
    value: str
    unit: str
    points: str
    last_y: int
    by_day: tuple[tuple[date, float], ...]

    @property
    def measure(self) -> str:
        """What the numbers of single days are in."""
        return MEASURES[self.name]


@dataclass(frozen=True)
class Fact:
    """One ended deployment, as far as the figures need it."""

    target_id: int
    state: str
    finished_at: datetime
    version_created_at: datetime


def last_month(org: Organization) -> list[Figure]:
    """Frequency, lead time, failure rate and time to restore; empty where nothing ended."""
    since = timezone.now() - timedelta(days=DAYS)
    rows = (
        Deployment.objects.in_org(org)
        .filter(finished_at__gt=since, state__in=[State.SUCCEEDED, State.FAILED])
        .order_by("-pk")
        .values_list("target_id", "state", "finished_at", "version__created_at")[:MOST_ROWS]
    )
    facts = sorted(
        (Fact(pk, state, ended, made) for pk, state, ended, made in rows if ended is not None),
        key=lambda fact: fact.finished_at,
    )
    if not facts:
        return []
    return [frequency(facts), lead_time(facts), failure_rate(facts), time_to_restore(facts)]


def frequency(facts: list[Fact]) -> Figure:
    by_day: dict[date, float] = defaultdict(float)
    for fact in facts:
        by_day[fact.finished_at.date()] += fact.state == State.SUCCEEDED
    return draw("Deployment frequency", f"{sum(by_day.values()) / DAYS:.1f}", "a day", by_day)


def lead_time(facts: list[Fact]) -> Figure:
    """From a version's arrival to its success somewhere: the median."""
    minutes: dict[date, list[float]] = defaultdict(list)
    for fact in facts:
        if fact.state == State.SUCCEEDED:
            took = (fact.finished_at - fact.version_created_at).total_seconds() / 60
            minutes[fact.finished_at.date()].append(max(took, 0.0))
    return draw_median("Lead time", minutes)


def failure_rate(facts: list[Fact]) -> Figure:
    ended: dict[date, list[bool]] = defaultdict(list)
    for fact in facts:
        ended[fact.finished_at.date()].append(fact.state == State.FAILED)
    failed = sum(fact.state == State.FAILED for fact in facts)
    by_day = {day: 100 * sum(ends) / len(ends) for day, ends in ended.items()}
    return draw("Change failure rate", f"{100 * failed / len(facts):.1f}", "%", by_day)


def time_to_restore(facts: list[Fact]) -> Figure:
    """From a failure to the next success at the same place: the median."""
    broken: dict[int, datetime] = {}
    minutes: dict[date, list[float]] = defaultdict(list)
    for fact in facts:
        if fact.state == State.FAILED:
            broken.setdefault(fact.target_id, fact.finished_at)
        elif (since := broken.pop(fact.target_id, None)) is not None:
            took = (fact.finished_at - since).total_seconds() / 60
            minutes[fact.finished_at.date()].append(took)
    return draw_median("Time to restore", minutes)


def draw_median(name: str, minutes: dict[date, list[float]]) -> Figure:
    everything = sorted(value for values in minutes.values() for value in values)
    by_day = {day: median(sorted(values)) for day, values in minutes.items()}
    if not everything:
        return draw(name, "none", "", {})
    value, unit = spell(median(everything))
    return draw(name, value, unit, by_day)


def median(ordered: list[float]) -> float:
    return ordered[len(ordered) // 2]


def spell(minutes: float) -> tuple[str, str]:
    if minutes < 1:
        return f"{minutes * 60:.0f}", "s"
    if minutes < 120:
        return f"{minutes:.0f}", "min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.0f}", "h"
    return f"{minutes / 60 / 24:.1f}", "days"


def draw(name: str, value: str, unit: str, by_day: dict[date, float]) -> Figure:
    today = timezone.now().date()
    days = [today - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    values = [by_day.get(day, 0.0) for day in days]
    top = max(values) or 1.0
    heights = [round(HEIGHT - 4 - (HEIGHT - 8) * v / top) for v in values]
    points = " ".join(f"{round(WIDTH * n / (DAYS - 1))},{y}" for n, y in enumerate(heights))
    return Figure(name, value, unit, points, heights[-1], tuple(zip(days, values, strict=True)))


def by_day(figures: list[Figure]) -> list[tuple[date, list[float]]]:
    """The same as a table, newest first, for those who cannot see the curves."""
    days = zip(*(figure.by_day for figure in figures), strict=True)
    rows = [(entries[0][0], [value for _, value in entries]) for entries in days]
    return rows[::-1]


def usual_ms(target_id: int) -> float | None:
    """What the last successes at a place took: the median in milliseconds."""
    ran = Deployment.objects.filter(target=target_id, state=State.SUCCEEDED).order_by("-pk")
    moments = ran.values_list("started_at", "finished_at")[:USUAL_OF]
    took = sorted((end - start).total_seconds() for start, end in moments if start and end)
    return median(took) * 1000 if took else None
