"""The policy file: what the owner of this machine lets the server make it do.

    {"projects": ["shop-*"], "environments": ["staging"], "interpreters": ["bash"],
     "folders": ["/srv/deploys"], "user": "deploy", "max_seconds": 900}

A key that is left out allows everything of its kind. An unknown key is an error, because a
mistyped restriction would restrict nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from agents.protocol import STEP_TYPES

if TYPE_CHECKING:
    from agents.program.offers import Job
    from agents.protocol import PolicySummary

_LISTS = ("projects", "environments", "interpreters", "folders")


class BadPolicy(Exception):
    """The policy file cannot be obeyed, so the agent must not start."""


@dataclass(frozen=True)
class Policy:
    """None allows everything of its kind; an empty list allows nothing."""

    projects: tuple[str, ...] | None = None
    environments: tuple[str, ...] | None = None
    interpreters: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None
    user: str | None = None
    max_seconds: int | None = None

    def summary(self) -> PolicySummary:
        """What the server shows before a deployment starts."""
        return {
            "projects": _list(self.projects),
            "environments": _list(self.environments),
            "interpreters": _list(self.interpreters),
            "folders": _list(self.folders),
            "user": self.user,
            "max_seconds": self.max_seconds,
        }

    def refusal(self, job: Job, work_dir: Path, timeout_seconds: float) -> str:
        """Why this machine does not run `job`, or nothing."""
        return (
            self._refused_place(job)
            or self._refused_folder(work_dir)
            or self._refused_steps(job, timeout_seconds)
        )

    def _refused_place(self, job: Job) -> str:
        if not _matches(self.projects, job.project):
            return f"The policy of this server does not allow the project “{job.project}”."
        if not _matches(self.environments, job.environment):
            return f"The policy of this server does not allow the environment “{job.environment}”."
        return ""

    def _refused_folder(self, work_dir: Path) -> str:
        if self.folders is None:
            return ""
        real = work_dir.resolve()
        for folder in self.folders:
            allowed = Path(folder).expanduser().resolve()
            if real == allowed or allowed in real.parents:
                return ""
        return f"The policy of this server does not allow the folder {real}."

    def _refused_steps(self, job: Job, timeout_seconds: float) -> str:
        for step in job.steps:
            if self.interpreters is not None and step.type not in self.interpreters:
                return f"The policy of this server does not allow {step.type} ({step.title})."
            wanted = step.timeout_seconds or timeout_seconds
            if self.max_seconds is not None and wanted > self.max_seconds:
                return (
                    f"The policy of this server allows {self.max_seconds} s, "
                    f"and {step.title} may take {wanted:g} s."
                )
        return ""


def read_policy(path: Path) -> Policy:
    """The policy in `path`; BadPolicy says what is wrong with it."""
    try:
        told: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPolicy(f"The policy file cannot be read: {error}.") from error
    except ValueError as error:
        raise BadPolicy(f"The policy file {path} is not JSON: {error}.") from error
    if not isinstance(told, dict):
        raise BadPolicy(f"The policy file {path} must hold a JSON object.")
    unknown = sorted(set(told) - {*_LISTS, "user", "max_seconds"})
    if unknown:
        raise BadPolicy(f"The policy file {path} has unknown keys: {', '.join(unknown)}.")
    policy = Policy(
        **{name: _texts(told, name) for name in _LISTS},
        user=_user(told),
        max_seconds=_max_seconds(told),
    )
    strange = sorted(set(policy.interpreters or ()) - set(STEP_TYPES))
    if strange:
        raise BadPolicy(
            f"The policy's interpreters are of {', '.join(STEP_TYPES)}; not {', '.join(strange)}."
        )
    return policy


def _texts(told: dict[str, object], name: str) -> tuple[str, ...] | None:
    values = told.get(name)
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadPolicy(f"The policy's “{name}” must be a list of texts.")
    return tuple(values)


def _user(told: dict[str, object]) -> str | None:
    user = told.get("user")
    if user is None or (isinstance(user, str) and user):
        return user
    raise BadPolicy("The policy's “user” must be the name of a user.")


def _max_seconds(told: dict[str, object]) -> int | None:
    seconds = told.get("max_seconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise BadPolicy("The policy's “max_seconds” must be a whole number from 1.")
    return seconds


def _matches(patterns: Sequence[str] | None, name: str) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
