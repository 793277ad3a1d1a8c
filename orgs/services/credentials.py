"""What making, replacing and ending keys and personal tokens have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from hydra import keys
from hydra.errors import Conflict, Detail, Forbidden, Invalid
from hydra.names import require_plain
from orgs.models.keys import FIRST_WARNING_DAYS, LAST_WARNING_DAYS, Credential, CredentialT
from orgs.models.rights import CI_PERMISSIONS, Powers, unknown_permissions

MOST_PERMISSIONS = 1_000
LONGEST_OVERLAP_DAYS = 30
LONGEST_NAME = 100


class CredentialEnded(Conflict):
    """It is revoked, and that is for good."""

    code = "revoked"


class AlreadyRotated(Conflict):
    """It has a successor already; of two who rotate at once one is told this."""

    code = "already_rotated"


@dataclass(frozen=True)
class Wish:
    """What a new credential is to be."""

    name: str
    permissions: tuple[str, ...] = CI_PERMISSIONS
    expires_at: datetime | None = None


def sound(wish: Wish, *, among: Iterable[str]) -> Wish:
    """The wish without repetitions and blanks; Invalid when it makes no sense."""
    chosen = tuple(dict.fromkeys(wish.permissions))
    wish = replace(wish, name=require_plain(wish.name), permissions=chosen)
    require_name(wish.name)
    if wish.expires_at is not None and wish.expires_at <= timezone.now():
        raise Invalid.at("expires_at", "The key would have expired already.", "Choose a later day.")
    require_permissions(chosen, among=among)
    return wish


def require_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME:
        raise Invalid.at(
            "name",
            f"A key needs a name of at most {LONGEST_NAME} characters.",
            "Name the program that will hold it.",
        )


def require_permissions(chosen: tuple[str, ...], *, among: Iterable[str]) -> None:
    if not chosen:
        raise Invalid.at("permissions", "A key needs at least one permission.")
    if len(chosen) > MOST_PERMISSIONS:
        message = f"A key holds at most {MOST_PERMISSIONS} permissions."
        raise Invalid.at("permissions", message, "Limit it to fewer projects and applications.")
    unknown = unknown_permissions(chosen, among=among)
    if unknown:
        raise Invalid(
            f"There is no permission {unknown[0]}.",
            details=[
                Detail(location=f"permissions.{chosen.index(held)}", message=f"{held}?")
                for held in unknown
            ],
        )


def require_within(powers: Powers, permissions: Iterable[str]) -> None:
    """Nobody gives a key more than they have; the refusal names what they lack."""
    lacking = next((held for held in permissions if powers.lacks(held)), None)
    if lacking is not None:
        message = f"You cannot give a key {lacking}, because you do not have that right yourself."
        raise Forbidden(lacking, message)


def facts(wish: Wish, token: str) -> dict[str, Any]:
    """The columns of a new credential. What is kept of the token cannot be turned back into it."""
    return {
        "name": wish.name,
        "digest": keys.digest(token),
        "shown_prefix": keys.shown_prefix(token),
        "last_four": keys.last_four(token),
        "permissions": list(wish.permissions),
        "expires_at": wish.expires_at,
        "warned_days": needless_warning(wish.expires_at),
    }


def needless_warning(expires_at: datetime | None) -> int | None:
    """The warning that would be no news: who asks for a week knows that it ends in two."""
    if expires_at is None:
        return None
    left = expires_at - timezone.now()
    if left <= timedelta(days=LAST_WARNING_DAYS):
        return LAST_WARNING_DAYS
    return FIRST_WARNING_DAYS if left <= timedelta(days=FIRST_WARNING_DAYS) else None


def locked_to_rotate(credential: CredentialT, *, powers: Powers) -> CredentialT:
    """The row as it stands now, which nobody else replaces or ends meanwhile.

    Refused when it has ended or was replaced, and to whoever may not do all that it may.
    """
    rows = type(credential)._default_manager.select_for_update(of=("self",))  # noqa: SLF001  # Django's public name
    old = rows.get(pk=credential.pk)
    require_rotatable(old)
    require_within(powers, old.permissions)
    return old


def require_rotatable(old: Credential) -> None:
    if old.revoked_at is not None:
        raise CredentialEnded(f"{old} is revoked, and that is for good. Create a new one.")
    if old.replaced_by_id is not None:
        raise AlreadyRotated(f"{old} has been rotated already. Rotate its successor.")


def successor_of(old: Credential) -> Wish:
    """The same again: what it may, and for as long as the old one was meant to last."""
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    expires_at = None if lifetime is None else timezone.now() + lifetime
    return Wish(old.name, tuple(old.permissions), expires_at)


def end_after(old: Credential, *, days: int, successor: Credential) -> None:
    """Let the old one go on for so many days, but never beyond its own end."""
    if not 0 <= days <= LONGEST_OVERLAP_DAYS:
        message = f"The old key goes on for 0 to {LONGEST_OVERLAP_DAYS} days."
        raise Invalid.at("overlap_days", message)
    end = timezone.now() + timedelta(days=days)
    old.replaced_by = successor
    if old.expires_at is None or end < old.expires_at:
        old.expires_at = end
        old.warned_days = needless_warning(end)
    old.save(update_fields=["replaced_by", "expires_at", "warned_days"])


def rotation(old: Credential, *, successor: str, days: int) -> dict[str, Any]:
    """What the log remembers of a rotation."""
    ends_at = old.expires_at.isoformat() if old.expires_at else None
    return {"successor": successor, "overlap_days": days, "ends_at": ends_at}


def revoke(credential: Credential) -> bool:
    """End it now and for good; whether it had not ended so before. Nothing turns it back."""
    rows = type(credential)._default_manager.filter(pk=credential.pk, revoked_at=None)  # noqa: SLF001  # as above
    is_ended = bool(rows.update(revoked_at=timezone.now()))
    credential.refresh_from_db(fields=["revoked_at"])
    return is_ended
