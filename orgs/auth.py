"""Recognizing API keys: which organization, and with what rights."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from http import HTTPStatus

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from hydra import keys
from hydra.errors import Refused
from orgs.access import Access
from orgs.models import Actor, ActorKind, ApiKey, Membership, Organization

USE_IS_NOTED_EVERY = timedelta(minutes=1)
REMEMBERED_KEYS = 10_000

# When this process last noted the use of a key, so that asking again within the minute costs no
# statement at all. Monotonic seconds by primary key.
_noted: dict[int, float] = {}

ORG_FIELDS = ("id", "uid", "name", "slug", "plan", "requests_per_minute", "managers_may_edit")
KEY_FIELDS = ("pk", "uid", "name", "permissions", "last_used_at")


class KeyRefused(Refused):
    """No live key looks like this; the sentence never tells why, so there is nothing to learn."""

    code = "unauthorized"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This API key is not valid. Create one under Settings, API Keys.")


def authenticate_key(token: str, *, request_id: str = "", address: str = "") -> Access:
    """The access of a key: its permissions, within the role that its creator has now.

    A malformed key costs no query, any other exactly one; once a minute its use is noted.
    """
    if not keys.looks_valid(token, keys.API_KEY):
        raise KeyRefused
    role = Membership.objects.filter(
        org=OuterRef("org"), user=OuterRef("created_by"), user__is_active=True
    ).values("role")
    found = (
        ApiKey.objects.live()
        .filter(digest=keys.digest(token))
        .annotate(creator_role=Subquery(role))
        .values_list(*KEY_FIELDS, "creator_role", *(f"org__{name}" for name in ORG_FIELDS))
        .first()
    )
    if found is None:
        raise KeyRefused
    pk, uid, name, permissions, last_used_at, creator_role, *org_values = found
    note_use(pk, last_used_at)
    org = Organization.from_db(None, ORG_FIELDS, org_values)
    actor = Actor(ActorKind.KEY, uid, name, request_id, address)
    return Access(org, actor, creator_role or "", frozenset(permissions))


def note_use(pk: int, last_used_at: datetime | None) -> None:
    """Remember that the key was used, at most once a minute, whichever process saw it."""
    now = time.monotonic()
    noted = _noted.get(pk)
    if noted is not None and now - noted < USE_IS_NOTED_EVERY.total_seconds():
        return
    if len(_noted) >= REMEMBERED_KEYS:
        _noted.clear()
    _noted[pk] = now
    if last_used_at is None or timezone.now() - last_used_at >= USE_IS_NOTED_EVERY:
        ApiKey.objects.touch(pk)


def forget_uses() -> None:
    """As if this process had just started."""
    _noted.clear()
