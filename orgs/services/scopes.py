"""What a key can be limited to: things of the apps above, which `orgs` must not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hydra.errors import Detail, Invalid
from orgs.models import Organization


@dataclass(frozen=True)
class Choice:
    """One thing that a permission may be limited to."""

    uid: str
    label: str


class Question(Protocol):
    """Which things of one kind the organizations have, by name; of `uids` alone when given."""

    def __call__(
        self, orgs: Sequence[Organization], *, uids: Iterable[str] | None = None
    ) -> list[Choice]: ...


# By resource, as permissions spell it. Filled once, at start, by the apps above.
_questions: dict[str, Question] = {}


def offer(resource: str, question: Question) -> None:
    """Let an app say what keys may be limited to among its things."""
    _questions[resource] = question


def choices_of(org: Organization, resource: str) -> list[Choice]:
    question = _questions.get(resource)
    return question([org]) if question else []


def named(orgs: Sequence[Organization], resource: str, *, uids: Iterable[str]) -> list[Choice]:
    """Of `uids` those that name one of the organizations' things, with its name."""
    question = _questions.get(resource)
    return question(orgs, uids=uids) if question else []


def require_known(orgs: Sequence[Organization], permissions: tuple[str, ...]) -> None:
    """Invalid when a permission names a thing that is not here, be it nobody's or another's."""
    wrong = [
        held
        for resource, question in _questions.items()
        if (asked := scoped(permissions, resource))
        for held in missing(asked, question(orgs, uids=asked.values()))
    ]
    if wrong:
        details = [
            Detail(
                location=f"permissions.{permissions.index(held)}",
                message=f"There is no {held.split('.')[0]} {held.split('.')[1]}.",
            )
            for held in wrong
        ]
        raise Invalid(details[0]["message"], details=details)


def scoped(permissions: Iterable[str], resource: str) -> dict[str, str]:
    """Of the permissions for `resource` those for one thing, with the thing."""
    split = [(held, held.split(".")) for held in permissions]
    return {held: parts[1] for held, parts in split if parts[0] == resource and parts[1] != "*"}


def missing(asked: dict[str, str], known: list[Choice]) -> list[str]:
    uids = {choice.uid for choice in known}
    return [held for held, uid in asked.items() if uid not in uids]
