"""Making organizations, and entering one with a code."""

from __future__ import annotations

from http import HTTPStatus

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hydra import keys
from hydra.errors import Refused
from orgs.models import (
    Actor,
    ActorKind,
    InviteCode,
    Membership,
    Organization,
    Role,
    User,
)
from orgs.services import environments, events, memberships
from orgs.services.events import Subject
from orgs.services.slugs import free_slug, stem_of

FIRST_ENVIRONMENTS = ("Development", "Staging", "Production")
ATTEMPTS_AT_A_SLUG = 5
FALLBACK_SLUG = "organization"


class InviteRefused(Refused):
    """A code that cannot be redeemed: wrong, used, expired, revoked or void; it says no more."""

    code = "invite_refused"
    status = HTTPStatus.BAD_REQUEST


class AlreadyMember(Refused):
    code = "already_member"


@transaction.atomic
def create_organization(*, name: str, owner: User, by: Actor | None = None) -> Organization:
    """A new tenant with its first owner and no environments; its address comes from its name."""
    by = by or acting(owner)
    org = insert(name.strip())
    events.record(
        org=org,
        by=by,
        verb="organization.created",
        subject=Subject("organization", org.uid, org.name),
        data={"name": org.name, "slug": org.slug},
    )
    memberships.add_member(org, user=owner, role=Role.OWNER, by=by)
    return org


@transaction.atomic
def found_organization(*, name: str, owner: User, by: Actor | None = None) -> Organization:
    """What somebody gets who signs up: an organization with the usual environments to begin."""
    by = by or acting(owner)
    org = create_organization(name=name, owner=owner, by=by)
    for environment in FIRST_ENVIRONMENTS:
        environments.create_environment(org, name=environment, by=by)
    return org


@transaction.atomic
def welcome(user: User, *, code: str, organization: str, by: Actor) -> Organization:
    """Give a new account its place: the one its code names, else an organization of its own."""
    if code.strip():
        return join(code=code, user=user, by=by).org
    name = organization.strip() or f"{user}'s organization"[:100]
    return found_organization(name=name, owner=user, by=by)


@transaction.atomic
def join(*, code: str, user: User, by: Actor) -> Membership:
    """Redeem an invite code: one statement decides who of several has it."""
    code = code.strip()
    invite = find_invite(code)
    invite.org.require_active()
    if Membership.objects.in_org(invite.org).filter(user=user).exists():
        raise AlreadyMember(f"You are already a member of {invite.org}; the code stays unused.")
    redeemed = InviteCode.objects.redeemable().filter(pk=invite.pk)
    if not redeemed.update(used_by=user, used_at=Now()):
        raise refusal()
    events.record(
        org=invite.org,
        by=by,
        verb="invite.redeemed",
        subject=Subject("invite", invite.uid, str(invite)),
        data={"role": invite.role, "user": user.uid},
    )
    return memberships.add_member(invite.org, user=user, role=Role(invite.role), by=by)


def find_invite(code: str) -> InviteCode:
    """The invite that may still be redeemed. A code that is not well formed costs no query."""
    if not keys.looks_valid(code, keys.INVITE_CODE):
        raise refusal()
    invites = InviteCode.objects.redeemable().select_related("org")
    invite = invites.filter(digest=keys.digest(code)).first()
    if invite is None:
        raise refusal()
    return invite


def refusal() -> InviteRefused:
    return InviteRefused(
        "This invite code is not valid: it may be mistyped, used already, expired or revoked. "
        "Ask whoever invited you for a new one."
    )


def insert(name: str) -> Organization:
    """Two who found the same name at once get two addresses: the slower tries the next."""
    for _ in range(ATTEMPTS_AT_A_SLUG):
        near = Organization.objects.filter(slug__startswith=stem_of(name, fallback=FALLBACK_SLUG))
        taken = set(near.values_list("slug", flat=True))
        slug = free_slug(name, taken=taken, fallback=FALLBACK_SLUG)
        try:
            with transaction.atomic():
                return Organization.objects.create(name=name, slug=slug)
        except IntegrityError:
            continue
    raise Refused("The organization could not be made just now. Try again.")


def acting(user: User) -> Actor:
    return Actor(ActorKind.USER, user.uid, str(user))
