"""Making organizations, changing what they say of themselves, and entering one with a code."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hydra import keys
from hydra.errors import Forbidden, Invalid, Refused
from hydra.names import require_plain
from orgs.models import (
    Actor,
    ActorKind,
    InviteCode,
    InviteState,
    Membership,
    Organization,
    Role,
    User,
)
from orgs.models.rights import Right, permission
from orgs.services import environments, events, memberships
from orgs.services.events import Subject
from orgs.services.invites import RoleTooHigh
from orgs.services.slugs import free_slug, stem_of

FIRST_ENVIRONMENTS = ("Development", "Staging", "Production")
ATTEMPTS_AT_A_SLUG = 5
FALLBACK_SLUG = "organization"


class InviteRefused(Refused):
    """A code that cannot be redeemed. Whoever holds a real one is told why; it is 128 bits."""

    code = "invite_refused"
    status = HTTPStatus.BAD_REQUEST


class TwoFactorFirst(Refused):
    """Who wants two-factor of everybody has it themselves."""

    code = "two_factor_first"


class AlreadyMember(Refused):
    code = "already_member"


@transaction.atomic
def create_organization(*, name: str, owner: User, by: Actor | None = None) -> Organization:
    """A new tenant with its first owner and no environments; its address comes from its name."""
    by = by or acting(owner)
    org = insert(require_plain(name))
    record(org, "organization.created", by=by, data={"name": org.name, "slug": org.slug})
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


class OrganizationChanges(TypedDict, total=False):
    """What General changes; what is left out stays."""

    name: str
    description: str
    website: str
    billing_address: str
    billing_email: str
    time_zone: str
    managers_may_edit: bool
    requires_two_factor: bool


# Who edits these settings, and whether everybody needs two-factor, is for an owner to say.
OWNERS_CHOICES = frozenset({"managers_may_edit", "requires_two_factor"})


@transaction.atomic
def update_organization(
    org: Organization, *, changes: OrganizationChanges, by: Actor, user_pk: int
) -> Organization:
    """Change what the organization says of itself; what stays the same is no event."""
    org = memberships.lock(org)
    wanted = {name: trimmed(value) for name, value in changes.items()}
    after = {name: value for name, value in wanted.items() if getattr(org, name) != value}
    require_sound(after)
    require_may_edit(org, after, user_pk=user_pk)
    before = {name: getattr(org, name) for name in after}
    for name, value in after.items():
        setattr(org, name, value)
    if after:
        org.save(update_fields=list(after))
        record(org, "organization.updated", by=by, data=events.changes(before, after))
    return org


def trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def require_sound(changes: dict[str, object]) -> None:
    name = changes.get("name")
    if name == "":
        raise Invalid.at("name", "An organization needs a name.")
    if isinstance(name, str):
        require_plain(name)
    zone = changes.get("time_zone")
    if zone is not None and zone not in available_timezones():
        raise Invalid.at(
            "time_zone", f"There is no time zone {zone}.", "Use a name such as Europe/Berlin."
        )


def require_may_edit(org: Organization, changes: dict[str, object], *, user_pk: int) -> None:
    acting = memberships.acting_member(org, user_pk=user_pk)
    is_owner = acting.role == Role.OWNER
    if not is_owner and not org.managers_may_edit:
        raise Forbidden(permission(Right.ORGANIZATION_UPDATE))
    if not is_owner and OWNERS_CHOICES & set(changes):
        raise RoleTooHigh(
            "Only an owner decides whether managers edit the settings and members need two-factor."
        )
    if changes.get("requires_two_factor") and not acting.user.has_two_factor():
        raise TwoFactorFirst(
            "Switch two-factor on for your own account first, or you would lock yourself out."
        )


@transaction.atomic
def rehearse_welcome(user: User, *, password: str, code: str, organization: str, by: Actor) -> None:
    """Do for an address that is taken all that would be done for another, and take it back.

    What is refused, and how long it takes, is then the same for both.
    """
    with transaction.atomic():
        user.email = f"{user.uid}@taken.invalid"
        user.set_password(password)
        user.save()
        welcome(user, code=code, organization=organization, by=by)
        transaction.set_rollback(True)


@transaction.atomic
def join(*, code: str, user: User, by: Actor) -> Membership:
    """Redeem an invite code. The organization is locked, so that of two who come at once with
    one code, or for the last place of a plan, the second meets what the first has done.
    """
    invite = find_invite(code.strip())
    memberships.lock(invite.org).require_active()
    if Membership.objects.in_org(invite.org).filter(user=user).exists():
        raise AlreadyMember(f"You are already a member of {invite.org}; the code stays unused.")
    redeemed = InviteCode.objects.redeemable().filter(pk=invite.pk)
    if not redeemed.update(used_by=user, used_at=Now()):
        raise InviteRefused(why_refused(find_invite(code.strip())))
    events.record(
        org=invite.org,
        by=by,
        verb="invite.redeemed",
        subject=Subject("invite", invite.uid, str(invite)),
        data={"role": invite.role, "user": user.uid},
    )
    return memberships.add_member(invite.org, user=user, role=Role(invite.role), by=by)


def find_invite(code: str) -> InviteCode:
    """The invite of a code. One that is not well formed costs no query."""
    invite = None
    if keys.looks_valid(code, keys.INVITE_CODE):
        invites = InviteCode.objects.with_state().select_related("org")
        invite = invites.filter(digest=keys.digest(code)).first()
    if invite is None:
        raise InviteRefused(
            "There is no such invite code. Copy it again, whole, or ask whoever invited you for "
            "a new one."
        )
    return invite


WHY_REFUSED = {
    InviteState.USED: "has been used already, and a code works once",
    InviteState.REVOKED: "was revoked",
    InviteState.EXPIRED: "has expired",
    InviteState.VOID: "is void: whoever made it may not invite anybody with it any more",
}


def why_refused(invite: InviteCode) -> str:
    why = WHY_REFUSED[InviteState(invite.state)]
    return f"This invite code {why}. Ask whoever invited you for a new one."


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


def record(org: Organization, verb: str, *, by: Actor, data: dict[str, Any]) -> None:
    subject = Subject("organization", org.uid, org.name)
    events.record(org=org, by=by, verb=verb, subject=subject, data=data)


def acting(user: User) -> Actor:
    return Actor(ActorKind.USER, user.uid, str(user))
