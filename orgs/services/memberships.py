"""Entering an organization."""

from __future__ import annotations

from collections.abc import Callable

from orgs.models import Actor, Membership, Organization, Role, User
from orgs.services import events
from orgs.services.events import Subject

# Asked before anybody joins; each may refuse. Filled once, at start, by the apps above.
_questions: list[Callable[[Organization], None]] = []


def ask_before_joining(question: Callable[[Organization], None]) -> None:
    """Let an app that `orgs` must not know, such as billing, refuse one more member."""
    if question not in _questions:
        _questions.append(question)


def add_member(org: Organization, *, user: User, role: Role, by: Actor) -> Membership:
    """Make `user` a member, inside the caller's transaction, which has made sure of the right."""
    for question in _questions:
        question(org)
    membership = Membership.objects.create(org=org, user=user, role=role)
    events.record(
        org=org,
        by=by,
        verb="membership.created",
        subject=Subject("membership", membership.uid, str(user)),
        data={"user": user.uid, "role": membership.role},
    )
    return membership
