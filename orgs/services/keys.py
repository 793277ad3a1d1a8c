"""Making, rotating and revoking API keys; `orgs.auth` recognizes them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from hydra import keys
from orgs.models import Actor, ApiKey, Organization, User
from orgs.models.rights import Powers, Right
from orgs.services import credentials, events, scopes
from orgs.services.credentials import Wish
from orgs.services.events import Subject


@transaction.atomic
def create_key(
    org: Organization, *, wish: Wish, powers: Powers, by: Actor, creator: User
) -> tuple[ApiKey, str]:
    """A credential for programs, and its token, which is never to be had again.

    It is given nothing that whoever asks does not have, and later it never has more than the role
    that `creator` has then.
    """
    wish = credentials.sound(wish, among=Right)
    credentials.require_within(powers, wish.permissions)
    scopes.require_known([org], wish.permissions)
    key, token = insert(org, wish, creator=creator)
    record(key, "api_key.created", by=by, data=told(wish))
    return key, token


@transaction.atomic
def rotate_key(
    key: ApiKey, *, overlap_days: int, powers: Powers, by: Actor, creator: User
) -> tuple[ApiKey, str]:
    """Put a new key with the same permissions into the place of `key`, which ends after a while.

    Of two who try at once one wins. An earlier end that the old key has stays as it is.
    """
    old = credentials.locked_to_rotate(key, powers=powers)
    new, token = insert(old.org, credentials.successor_of(old), creator=creator)
    credentials.end_after(old, days=overlap_days, successor=new)
    record(
        old,
        "api_key.rotated",
        by=by,
        data=credentials.rotation(old, successor=new.uid, days=overlap_days),
    )
    return new, token


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Actor) -> ApiKey:
    """End a key at once and for good; safe to repeat."""
    if credentials.revoke(key):
        record(key, "api_key.revoked", by=by)
    return key


def insert(org: Organization, wish: Wish, *, creator: User) -> tuple[ApiKey, str]:
    token = keys.new_token(keys.API_KEY)
    facts = credentials.facts(wish, token)
    return ApiKey.objects.create(org=org, created_by=creator, **facts), token


def told(wish: Wish) -> dict[str, Any]:
    """What the log remembers of a new key."""
    expires_at = wish.expires_at.isoformat() if wish.expires_at else None
    return {"permissions": list(wish.permissions), "expires_at": expires_at}


def record(key: ApiKey, verb: str, *, by: Actor, data: dict[str, Any] | None = None) -> None:
    events.record(
        org=key.org, by=by, verb=verb, subject=Subject("api_key", key.uid, key.name), data=data
    )
