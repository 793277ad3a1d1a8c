"""Making and revoking invite codes; `organizations.join` redeems them."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from hydra.errors import Refused
from orgs.models import Actor, InviteCode, Organization, Role, User
from orgs.models.rights import grantable_by
from orgs.services import events
from orgs.services.events import Subject

VALID_FOR = timedelta(days=7)


class RoleTooHigh(Refused):
    """Nobody gives away more than they have."""

    code = "role_too_high"
    status = HTTPStatus.FORBIDDEN


class InviteUsed(Refused):
    code = "invite_used"


@transaction.atomic
def create_invite(
    org: Organization, *, role: Role, by: Actor, creator: User, creator_role: str
) -> tuple[InviteCode, str]:
    """The right to join with `role`, and its code, which is never to be had again."""
    if role not in grantable_by(creator_role):
        raise RoleTooHigh(f"You may not invite somebody as {role.label}. Ask an owner to do it.")
    code = keys.new_token(keys.INVITE_CODE)
    invite = InviteCode.objects.create(
        org=org,
        role=role,
        digest=keys.digest(code),
        shown_prefix=keys.shown_prefix(code),
        created_by=creator,
        expires_at=timezone.now() + VALID_FOR,
    )
    record(invite, "invite.created", by=by)
    return invite, code


@transaction.atomic
def revoke_invite(invite: InviteCode, *, by: Actor) -> InviteCode:
    """Void a code that nobody has used; safe to repeat."""
    unused = InviteCode.objects.filter(pk=invite.pk, used_at=None)
    if unused.filter(revoked_at=None).update(revoked_at=Now()):
        record(invite, "invite.revoked", by=by)
    elif not unused.exists():
        raise InviteUsed("This code has been used already. Remove the member instead.")
    invite.refresh_from_db()
    return invite


def record(invite: InviteCode, verb: str, *, by: Actor) -> None:
    events.record(
        org=invite.org,
        by=by,
        verb=verb,
        subject=Subject("invite", invite.uid, str(invite)),
        data={"role": invite.role},
    )
