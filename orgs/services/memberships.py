"""Who belongs to an organization: entering it, roles, removal, and who owns it.

Each change of roles locks the organization first and asks for the roles of that moment, so that
of two who act at once the second meets what the first has done.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from hydra import hints
from hydra.errors import Conflict, Forbidden, NotFound
from orgs.models import Actor, Membership, Organization, Role, User
from orgs.models.rights import Right, grantable_by, permission
from orgs.services import events
from orgs.services.events import Subject
from orgs.services.invites import RoleTooHigh


class OwnMembership(Conflict):
    """Nobody changes their own role or removes themselves."""

    code = "own_membership"


class LastOwner(Conflict):
    """An organization always has an owner."""

    code = "last_owner"


# Asked before anybody joins; each may refuse. Filled once, at start, by the apps above.
_questions: list[Callable[[Organization], None]] = []


def ask_before_joining(question: Callable[[Organization], None]) -> None:
    """Let an app that `orgs` must not know, such as billing, refuse one more member."""
    if question not in _questions:
        _questions.append(question)


def lock(org: Organization) -> Organization:
    """The organization as it is now. Nobody else changes it or its members meanwhile."""
    found = Organization.objects.select_for_update().filter(pk=org.pk).first()
    if found is None:
        raise NotFound(f"There is no organization {org.slug}.")
    return found


def add_member(org: Organization, *, user: User, role: Role, by: Actor) -> Membership:
    """Make `user` a member, inside the caller's transaction, which has made sure of the right."""
    for question in _questions:
        question(org)
    membership = Membership.objects.create(org=org, user=user, role=role)
    record(membership, "membership.created", by=by)
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: Actor, user_pk: int) -> Membership:
    """Give a member another role, as the person with `user_pk` asks; the same one is no event."""
    acting, membership = enter(membership, user_pk=user_pk)
    require_may_touch(membership, acting=acting)
    if role not in grantable_by(acting.role):
        raise RoleTooHigh(f"You may not make anybody {role.label}. Ask an owner to do it.")
    if role != Role.OWNER:
        require_another_owner(membership)
    return set_role(membership, role=role, by=by)


@transaction.atomic
def remove_member(membership: Membership, *, by: Actor, user_pk: int) -> None:
    """End a membership: pages, keys and invite codes of that person end here with it."""
    acting, membership = enter(membership, user_pk=user_pk)
    require_may_touch(membership, acting=acting)
    require_another_owner(membership)
    record(membership, "membership.removed", by=by)
    membership.delete()
    hints.wake_on_commit("org", str(membership.org_id))  # their open pages look, and are refused


@transaction.atomic
def transfer_ownership(
    heir: Membership, *, keeps_owner: bool, by: Actor, user_pk: int
) -> Membership:
    """Make `heir` an owner; whoever hands over stays one, or is a manager from then on."""
    acting, heir = enter(heir, user_pk=user_pk)
    if acting.role != Role.OWNER:
        raise Forbidden(permission(Right.ORGANIZATION_DELETE), "Only an owner hands over.")
    if heir.pk == acting.pk:
        raise OwnMembership("You own this organization already. Choose somebody else.")
    if keeps_owner and heir.role == Role.OWNER:
        raise OwnMembership(f"{heir.user} is an owner already.")
    set_role(heir, role=Role.OWNER, by=by)
    if not keeps_owner:
        set_role(acting, role=Role.MANAGER, by=by)
    events.record(
        org=heir.org,
        by=by,
        verb="organization.transferred",
        subject=Subject("organization", heir.org.uid, heir.org.name),
        data={"from": acting.user.uid, "to": heir.user.uid, "keeps_owner": keeps_owner},
    )
    return heir


def enter(membership: Membership, *, user_pk: int) -> tuple[Membership, Membership]:
    """Lock the organization; the memberships of who acts and of whom it is about, as of now."""
    lock(membership.org)
    members = Membership.objects.in_org(membership.org).with_names()
    current = members.filter(pk=membership.pk).first()
    if current is None:
        raise NotFound(f"{membership.user} is not a member any more.")
    return acting_member(membership.org, user_pk=user_pk), current


def acting_member(org: Organization, *, user_pk: int) -> Membership:
    """The membership, at this moment, of the person who acts or whose key does."""
    acting = Membership.objects.in_org(org).with_names().filter(user_id=user_pk).first()
    if acting is None:
        raise Forbidden(permission(Right.MEMBER_WRITE))
    return acting


def require_may_touch(membership: Membership, *, acting: Membership) -> None:
    if not grantable_by(acting.role):
        raise Forbidden(permission(Right.MEMBER_WRITE))
    if membership.pk == acting.pk:
        raise OwnMembership(
            "Nobody changes their own role or removes themselves. Ask another owner or manager."
        )
    if membership.role not in grantable_by(acting.role):
        raise RoleTooHigh(f"{membership.user} is an owner. Only an owner may change that.")


def require_another_owner(membership: Membership) -> None:
    """Refuse to lose the last owner, whoever asks."""
    others = Membership.objects.in_org(membership.org).owners().exclude(pk=membership.pk)
    if membership.role == Role.OWNER and not others.exists():
        raise LastOwner(f"{membership.user} is the last owner. Make somebody else an owner first.")


def set_role(membership: Membership, *, role: Role, by: Actor) -> Membership:
    before = membership.role
    if role != before:
        membership.role = role
        membership.save(update_fields=["role"])
        changed = events.changes({"role": before}, {"role": str(role)})
        record(membership, "membership.role_changed", by=by, data=changed)
    return membership


def record(
    membership: Membership, verb: str, *, by: Actor, data: dict[str, dict[str, str]] | None = None
) -> None:
    user = membership.user
    events.record(
        org=membership.org,
        by=by,
        verb=verb,
        subject=Subject("membership", membership.uid, str(user)),
        data={"user": user.uid, **(data or {"role": membership.role})},
    )
