"""Recognizing API keys and personal tokens: whose they are, and with what rights."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from hydra import keys
from hydra.compiled import compiled
from hydra.errors import Forbidden, NotFound, Refused
from orgs.access import Access, Right, require_two_factor
from orgs.models import Actor, ActorKind, ApiKey, Membership, Organization, PersonalToken, User
from orgs.models.keys import Credential
from orgs.models.rights import PersonalRight, permission

NOTED_EVERY_SECONDS = 60
REMEMBERED_KEYS = 10_000

# When this process last noted the use of a credential, so that asking again within the minute
# costs no statement at all. Monotonic seconds by kind and primary key.
_noted: dict[tuple[type[Credential], int], float] = {}

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
USER_FIELDS = ("user", "user__uid", "user__name", "user__email")
TOKEN_FIELDS = ("pk", "uid", "name", "permissions", *USER_FIELDS)


class KeyRefused(Refused):
    """No live key looks like this; the sentence never tells why, so there is nothing to learn."""

    code = "unauthorized"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This API key is not valid. Create one under Settings, API Keys.")


class OrganizationRequired(Refused):
    """A personal token of somebody with several organizations has to say which one it means."""

    code = "organization_required"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self) -> None:
        super().__init__(
            "Your token works in several organizations. Name one of them in the header "
            "X-Hydra-Organization; GET /api/v1/orgs lists them."
        )


@dataclass(frozen=True)
class TokenBearer:
    """The person whose token was sent. In each of their organizations they have a role."""

    user_pk: int
    actor: Actor
    credential: str
    permissions: frozenset[str]

    def require(self, right: Right | PersonalRight) -> None:
        if permission(right) not in self.permissions:
            raise Forbidden(permission(right))

    def person(self) -> User:
        return User.objects.get(pk=self.user_pk)

    def access_in(self, wanted: str) -> Access:
        """Their access to the organization with this slug or id; to their only one if not named.

        One they do not belong to does not exist for them.
        """
        mine = Membership.objects.filter(user_id=self.user_pk).select_related("org", "user")
        if wanted:
            mine = mine.filter(Q(org__slug=wanted) | Q(org__uid=wanted))
        found = list(mine.order_by("pk")[:2])
        if wanted and not found:
            raise NotFound(f"There is no organization {wanted}.")
        if not found:
            raise NotFound("You belong to no organization.")
        if len(found) > 1:
            raise OrganizationRequired
        membership = found[0]
        require_two_factor(membership.org, membership.user)
        return Access(
            membership.org,
            self.actor,
            membership.role,
            self.permissions,
            credential=self.credential,
            user_pk=self.user_pk,
        )


Bearer = Access | TokenBearer


def authenticate(token: str, *, request_id: str = "", address: str = "") -> Bearer:
    """Whoever the credential belongs to. A malformed one costs no query, any other exactly one."""
    if keys.looks_valid(token, keys.PERSONAL_TOKEN):
        return authenticate_token(token, request_id=request_id, address=address)
    return authenticate_key(token, request_id=request_id, address=address)


def authenticate_key(token: str, *, request_id: str = "", address: str = "") -> Access:
    """The access of a key: its permissions, within the role that its creator has now.

    A malformed key costs no query, any other exactly one; once a minute its use is noted.
    """
    if not keys.looks_valid(token, keys.API_KEY):
        raise KeyRefused
    found = live_key.first(digest=keys.digest(token), at=timezone.now())
    if found is None:
        raise KeyRefused
    pk, uid, name, permissions, creator, *org_values, role = found
    note_use(ApiKey, pk)
    org = Organization.from_db(connection.alias, ORG_FIELDS, org_values)
    actor = Actor(ActorKind.KEY, uid, name, request_id, address)
    held = frozenset(permissions)
    return Access(org, actor, role or "", held, credential=uid, user_pk=creator)


def authenticate_token(token: str, *, request_id: str = "", address: str = "") -> TokenBearer:
    """The person whose token this is; what they may do depends on where."""
    found = live_token.first(digest=keys.digest(token), at=timezone.now())
    if found is None:
        raise KeyRefused
    pk, uid, name, permissions, user_id, user_uid, user_name, email = found
    note_use(PersonalToken, pk)
    label = labelled(user_name or email, name)
    actor = Actor(ActorKind.USER, user_uid, label, request_id, address)
    return TokenBearer(user_id, actor, uid, frozenset(permissions))


def labelled(person: str, token: str) -> str:
    """How the log calls somebody who acts through a token."""
    return f"{person} (token {token})"


def renew(credential: str, *, org_uid: str) -> Access:
    """The access that a key or token which was let in before has now; KeyRefused when it ended."""
    key = ApiKey.objects.live().with_names().filter(uid=credential, org__uid=org_uid).first()
    if key is not None:
        person, actor = key.created_by, Actor(ActorKind.KEY, key.uid, key.name)
        held = frozenset(key.permissions)
    else:
        token = PersonalToken.objects.live().select_related("user").filter(uid=credential).first()
        if token is None:
            raise KeyRefused
        person, held = token.user, frozenset(token.permissions)
        actor = Actor(ActorKind.USER, person.uid, labelled(str(person), token.name))
    membership = Membership.objects.of(person).filter(org__uid=org_uid).first()
    if membership is None:
        raise KeyRefused
    if actor.kind == ActorKind.USER:
        require_two_factor(membership.org, person)
    role = membership.role if person.is_active else ""
    return Access(membership.org, actor, role, held, person.pk, credential)


@compiled
def live_key(*, digest: str, at: datetime) -> QuerySet[ApiKey, tuple[Any, ...]]:
    """The question that each API request asks."""
    role = Membership.objects.filter(
        org=OuterRef("org"), user=OuterRef("created_by_id"), user__is_active=True
    ).values("role")
    return (
        ApiKey.objects.live(at)
        .filter(digest=digest)
        .order_by()
        .annotate(creator_role=Subquery(role))
        .values_list(*KEY_FIELDS, *(f"org__{name}" for name in ORG_FIELDS), "creator_role")
    )


@compiled
def live_token(*, digest: str, at: datetime) -> QuerySet[PersonalToken, tuple[Any, ...]]:
    return (
        PersonalToken.objects.live(at)
        .filter(digest=digest, user__is_active=True)
        .order_by()
        .values_list(*TOKEN_FIELDS)
    )


def note_use(kind: type[Credential], pk: int) -> None:
    """Remember that it was used, at most once a minute, whichever process saw it."""
    now = time.monotonic()
    noted = _noted.get((kind, pk))
    if noted is not None and now - noted < NOTED_EVERY_SECONDS:
        return
    if len(_noted) >= REMEMBERED_KEYS:
        _noted.clear()
    _noted[kind, pk] = now
    kind._default_manager.touch(pk)  # type: ignore[attr-defined]  # noqa: SLF001  # of Credential's querysets


def forget_uses() -> None:
    """As if this process had just started."""
    _noted.clear()
