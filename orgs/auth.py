"""Recognizing API keys: which organization, and with what rights."""

from __future__ import annotations

import json
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from hydra import keys
from hydra.errors import Refused
from orgs.access import Access
from orgs.models import Actor, ActorKind, ApiKey, Membership, Organization

NOTED_EVERY_SECONDS = 60
REMEMBERED_KEYS = 10_000

# When this process last noted the use of a key, so that asking again within the minute costs no
# statement at all. Monotonic seconds by primary key.
_noted: dict[int, float] = {}

ORG_FIELDS = (
    "id",
    "uid",
    "name",
    "slug",
    "plan",
    "requests_per_minute",
    "managers_may_edit",
    "suspension_reason",
)
KEY_FIELDS = ("pk", "uid", "name", "permissions", "created_by_id")
SOME_DIGEST = "the digest of the key in question"


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
    sql, params = statement()
    digest = keys.digest(token)
    with connection.cursor() as cursor:
        cursor.execute(sql, [digest if value == SOME_DIGEST else value for value in params])
        found = cursor.fetchone()
    if found is None:
        raise KeyRefused
    pk, uid, name, permissions, creator, *org_values, role = found
    note_use(pk)
    org = Organization.from_db(connection.alias, ORG_FIELDS, org_values)
    actor = Actor(ActorKind.KEY, uid, name, request_id, address)
    held = frozenset(json.loads(permissions))
    return Access(org, actor, role or "", held, user_pk=creator)


def renew_key(uid: str, *, org_uid: str) -> Access:
    """The access that a key which was let in before has now; KeyRefused when it has ended."""
    rows = ApiKey.objects.live().filter(uid=uid, org__uid=org_uid).select_related("org")
    key = rows.first()
    if key is None:
        raise KeyRefused
    creator = Membership.objects.filter(
        org=key.org, user=key.created_by_id, user__is_active=True
    ).first()
    actor = Actor(ActorKind.KEY, key.uid, key.name)
    return Access(key.org, actor, creator.role if creator else "", frozenset(key.permissions))


@cache
def statement() -> tuple[str, tuple[Any, ...]]:
    """The query for a key, compiled once: each API request asks it.

    Running it takes a tenth of what Django needs to compile it, which would be half the request.
    """
    role = Membership.objects.filter(
        org=OuterRef("org"), user=OuterRef("created_by"), user__is_active=True
    ).values("role")
    rows = (
        ApiKey.objects.live()
        .filter(digest=SOME_DIGEST)
        .order_by()
        .annotate(creator_role=Subquery(role))
        .values_list(*KEY_FIELDS, *(f"org__{name}" for name in ORG_FIELDS), "creator_role")
    )
    return rows.query.sql_with_params()


def note_use(pk: int) -> None:
    """Remember that the key was used, at most once a minute, whichever process saw it."""
    now = time.monotonic()
    noted = _noted.get(pk)
    if noted is not None and now - noted < NOTED_EVERY_SECONDS:
        return
    if len(_noted) >= REMEMBERED_KEYS:
        _noted.clear()
    _noted[pk] = now
    ApiKey.objects.touch(pk)


def forget_uses() -> None:
    """As if this process had just started."""
    _noted.clear()
