"""Asking the apps above before something leaves a project with what hangs on it.

`projects` does not know deployments, yet a project must not vanish under a running one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orgs.models import Environment
from projects.models import Application, Project


@dataclass(frozen=True)
class Departure:
    """What is about to go: all of a project, or one application or environment of it."""

    project: Project
    application: Application | None = None
    environment: Environment | None = None


# Each may raise a Refused. Filled once, at start, by the apps above.
_questions: list[Callable[[Departure], None]] = []


def ask_before_departure(question: Callable[[Departure], None]) -> None:
    """Let an app above refuse departures, such as those from under a running deployment."""
    if question not in _questions:
        _questions.append(question)


def require_nobody_objects(departure: Departure) -> None:
    for question in _questions:
        question(departure)
