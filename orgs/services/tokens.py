"""Making, rotating and revoking personal tokens; `orgs.auth` recognizes them.

A token belongs to a person and acts in each of their organizations, so each one's log is told.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from hydra import keys
from orgs.models import Actor, Membership, PersonalToken, User
from orgs.models.rights import ROLE_RIGHTS, PersonalRight, Powers, Right
from orgs.services import credentials, events, scopes
from orgs.services.credentials import Wish
from orgs.services.events import Subject
from orgs.services.keys import told

KNOWN = (*Right, *PersonalRight)


def powers_of(user: User, permissions: frozenset[str] | None = None) -> Powers:
    """What a token of `user` may be given: whatever they may do in any of their organizations.

    What it can do in each is decided there, by the role that they have then.
    """
    roles = Membership.objects.filter(user=user).values_list("role", flat=True)
    rights = {right for role in roles for right in ROLE_RIGHTS[role]}
    return Powers(frozenset(rights) | frozenset(PersonalRight), permissions)


@transaction.atomic
def create_token(user: User, *, wish: Wish, powers: Powers, by: Actor) -> tuple[PersonalToken, str]:
    """A person's own credential, and the token itself, which is never to be had again."""
    wish = credentials.sound(wish, among=KNOWN)
    credentials.require_within(powers, wish.permissions)
    require_known_somewhere(user, wish.permissions)
    made, token = insert(user, wish)
    record(made, "token.created", by=by, data=told(wish))
    return made, token


@transaction.atomic
def rotate_token(
    token: PersonalToken, *, overlap_days: int, powers: Powers, by: Actor
) -> tuple[PersonalToken, str]:
    """As `keys.rotate_key`, for a personal token."""
    old = credentials.locked_to_rotate(token, powers=powers)
    new, secret = insert(old.user, credentials.successor_of(old))
    credentials.end_after(old, days=overlap_days, successor=new)
    record(
        old,
        "token.rotated",
        by=by,
        data=credentials.rotation(old, successor=new.uid, days=overlap_days),
    )
    return new, secret


@transaction.atomic
def revoke_token(token: PersonalToken, *, by: Actor) -> PersonalToken:
    """End a token at once and for good; safe to repeat."""
    if credentials.revoke(token):
        record(token, "token.revoked", by=by)
    return token


def insert(user: User, wish: Wish) -> tuple[PersonalToken, str]:
    token = keys.new_token(keys.PERSONAL_TOKEN)
    made = PersonalToken.objects.create(user=user, **credentials.facts(wish, token))
    return made, token


def require_known_somewhere(user: User, permissions: tuple[str, ...]) -> None:
    """Invalid when a permission names a thing that is in none of the user's organizations."""
    scopes.require_known([each.org for each in Membership.objects.of(user)], permissions)


def record(
    token: PersonalToken, verb: str, *, by: Actor, data: dict[str, Any] | None = None
) -> None:
    """Write it into the log of every organization that the token speaks in."""
    subject = Subject("token", token.uid, token.name)
    events.record_all(
        [
            events.compose(org=membership.org, by=by, verb=verb, subject=subject, data=data)
            for membership in Membership.objects.of(token.user)
        ]
    )
