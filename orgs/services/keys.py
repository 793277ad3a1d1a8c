"""Making and revoking API keys; `orgs.auth` recognizes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from hydra.errors import Detail, Invalid
from orgs.models import Actor, ApiKey, Organization, User
from orgs.models.rights import CI_PERMISSIONS, unknown_permissions
from orgs.services import events
from orgs.services.events import Subject


@transaction.atomic
def create_key(  # noqa: PLR0913  # a key's facts and the two who answer for it
    org: Organization,
    *,
    name: str,
    permissions: Iterable[str] = CI_PERMISSIONS,
    expires_at: datetime | None = None,
    by: Actor,
    creator: User,
) -> tuple[ApiKey, str]:
    """A credential for programs, and its token, which is never to be had again."""
    name, chosen = name.strip(), list(dict.fromkeys(permissions))
    require_sound(name=name, permissions=chosen, expires_at=expires_at)
    token = keys.new_token(keys.API_KEY)
    key = ApiKey.objects.create(
        org=org,
        name=name,
        digest=keys.digest(token),
        shown_prefix=keys.shown_prefix(token),
        last_four=keys.last_four(token),
        permissions=chosen,
        created_by=creator,
        expires_at=expires_at,
    )
    events.record(
        org=org,
        by=by,
        verb="api_key.created",
        subject=Subject("api_key", key.uid, key.name),
        data={"permissions": chosen, "expires_at": expires_at.isoformat() if expires_at else None},
    )
    return key, token


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Actor) -> ApiKey:
    """End a key at once and for good; safe to repeat."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()):
        events.record(
            org=key.org,
            by=by,
            verb="api_key.revoked",
            subject=Subject("api_key", key.uid, key.name),
        )
    key.refresh_from_db(fields=["revoked_at"])
    return key


def require_sound(*, name: str, permissions: list[str], expires_at: datetime | None) -> None:
    if not name:
        raise Invalid.at("name", "A key needs a name.", "Name the program that will hold it.")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid.at("expires_at", "The key would have expired already.", "Choose a later day.")
    if not permissions:
        raise Invalid.at("permissions", "A key needs at least one permission.")
    unknown = unknown_permissions(permissions)
    if unknown:
        raise Invalid(
            f"There is no permission {unknown[0]}.",
            details=[
                Detail(location=f"permissions.{permissions.index(held)}", message=f"{held}?")
                for held in unknown
            ],
        )
