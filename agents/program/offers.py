"""An offered job, read strictly: what the server sends is checked before anything believes it.

Unknown fields are ignored, so that a newer server can talk to an older agent.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Callable, Mapping, TypeVar

from agents.protocol import RUN_WHEN, STEP_TYPES

# Ids and codes become names of folders and files.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FOLDER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,198}[A-Za-z0-9_-])?\Z")
_VARIABLE = re.compile(r"[^=\0]+\Z")

Item = TypeVar("Item")


class BadOffer(Exception):
    """The offer makes no sense, or asks for something that is never done."""


@dataclass(frozen=True)
class Step:
    position: int
    name: str
    type: str
    script: str
    timeout_seconds: float | None
    retries: int
    backoff_seconds: float
    continue_on_error: bool
    run_when: str
    needs: frozenset[int]
    safe_to_repeat: bool

    @property
    def title(self) -> str:
        """As it is called in sentences."""
        return f"step {self.position + 1} “{self.name}”"


@dataclass(frozen=True)
class ConfigFile:
    name: str
    content: bytes


@dataclass(frozen=True)
class Job:
    """What is to be done. `raw` is what the ticket on disk keeps."""

    uid: str
    fence: int
    deployment: str
    project: str
    application: str
    environment: str
    version: str
    steps: tuple[Step, ...]
    files: tuple[ConfigFile, ...]
    env: Mapping[str, str]
    secrets: tuple[str, ...]
    keep: int | None
    raw: Mapping[str, object]

    @property
    def target(self) -> tuple[str, str, str]:
        """Of one target only one job may run at a time."""
        return (self.project, self.application, self.environment)

    @property
    def title(self) -> str:
        return f"{self.project}/{self.application} {self.version} to {self.environment}"


def read_name(raw: Mapping[str, object]) -> tuple[str, int]:
    """Id and fence of an offer, also of one that is otherwise unreadable."""
    uid, fence = raw.get("id"), raw.get("fence")
    if not isinstance(uid, str) or not _ID.match(uid):
        raise BadOffer("The offered job has no id.")
    if not isinstance(fence, int) or isinstance(fence, bool):
        raise BadOffer(f"The offered job {uid} has no fence.")
    return uid, fence


def read_job(raw: Mapping[str, object]) -> Job:
    """The job that `raw` describes; BadOffer says what is wrong with it."""
    uid, fence = read_name(raw)
    steps = tuple(sorted(_each(raw, "steps", _read_step), key=lambda step: step.position))
    _check_needs(steps)
    keep = raw.get("keep")
    return Job(
        uid=uid,
        fence=fence,
        deployment=_folder(raw, "deployment"),
        project=_folder(raw, "project"),
        application=_folder(raw, "application"),
        environment=_folder(raw, "environment"),
        version=_text(raw, "version", ""),
        steps=steps,
        files=tuple(_each(raw, "files", _read_file)),
        env=_read_env(raw),
        secrets=_read_secrets(raw),
        keep=keep if isinstance(keep, int) and keep >= 1 else None,
        raw=raw,
    )


def _read_step(raw: Mapping[str, object]) -> Step:
    position = raw.get("position")
    if not isinstance(position, int) or isinstance(position, bool) or position < 0:
        raise BadOffer("A step has no position.")
    step_type = _one_of(raw, "type", STEP_TYPES, default="")
    timeout = _number(raw, "timeout_s")
    return Step(
        position=position,
        name=_text(raw, "name", f"Step {position + 1}"),
        type=step_type,
        script=_text(raw, "script", ""),
        timeout_seconds=timeout if timeout > 0 else None,
        retries=max(0, int(_number(raw, "retries"))),
        backoff_seconds=max(0.0, _number(raw, "backoff_s")),
        continue_on_error=raw.get("continue_on_error") is True,
        run_when=_one_of(raw, "run_when", RUN_WHEN, default="success"),
        needs=_read_needs(raw),
        safe_to_repeat=raw.get("safe_to_repeat") is True,
    )


def _read_needs(raw: Mapping[str, object]) -> frozenset[int]:
    needs = raw.get("needs") or []
    if not isinstance(needs, list) or not all(isinstance(need, int) for need in needs):
        raise BadOffer("A step's needs are not positions.")
    return frozenset(needs)


def _read_file(raw: Mapping[str, object]) -> ConfigFile:
    name = raw.get("name")
    content = raw.get("content_b64")
    if not isinstance(name, str) or not isinstance(content, str):
        raise BadOffer("A configuration file has no name or no content.")
    try:
        return ConfigFile(name, base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadOffer(f"The configuration file {name!r} is not base64: {error}.") from error


def _read_env(raw: Mapping[str, object]) -> dict[str, str]:
    env = raw.get("env") or {}
    if not isinstance(env, dict):
        raise BadOffer("The variables are not an object.")
    for name, value in env.items():
        if not isinstance(value, str) or "\0" in value or not _VARIABLE.match(name):
            raise BadOffer(f"The variable {name!r} cannot be set.")
    return env


def _read_secrets(raw: Mapping[str, object]) -> tuple[str, ...]:
    secrets = raw.get("secrets") or []
    if not isinstance(secrets, list) or not all(isinstance(value, str) for value in secrets):
        raise BadOffer("The values to mask are not texts.")
    return tuple(secrets)


def _check_needs(steps: tuple[Step, ...]) -> None:
    """Positions are unique; every need exists; nothing waits for itself."""
    waiting = {step.position: step.needs for step in steps}
    if len(waiting) != len(steps):
        raise BadOffer("Two steps have the same position.")
    done: set[int] = set()
    while waiting:
        free = [position for position, needs in waiting.items() if needs <= done]
        if not free:
            raise BadOffer("The steps' needs go round in a circle, or name a step that is not.")
        done.update(free)
        for position in free:
            del waiting[position]


def _each(
    raw: Mapping[str, object], name: str, read: Callable[[Mapping[str, object]], Item]
) -> list[Item]:
    items = raw.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadOffer(f"The job's {name} are not a list of objects.")
    return [read(item) for item in items]


def _text(raw: Mapping[str, object], name: str, default: str) -> str:
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise BadOffer(f"“{name}” is not a text.")
    return value


def _number(raw: Mapping[str, object], name: str) -> float:
    value = raw.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _one_of(raw: Mapping[str, object], name: str, values: tuple[str, ...], *, default: str) -> str:
    value = raw.get(name) or default
    if not isinstance(value, str) or value not in values:
        raise BadOffer(f"A step's {name} is {value!r}; this agent knows {', '.join(values)}.")
    return value


def _folder(raw: Mapping[str, object], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not _FOLDER.match(value):
        raise BadOffer(f"The {name} {value!r} cannot be the name of a folder.")
    return value
