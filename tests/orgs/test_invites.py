"""An invite code lets one person in, once, for a week, with no more than its giver has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.services import PlanLimit
from orgs.models import Event, InviteCode, Membership, Organization, Plan, Role, User
from orgs.services import invites, organizations
from orgs.services.invites import InviteUsed, RoleTooHigh
from orgs.services.organizations import AlreadyMember, InviteRefused
from tests import factories
from tests.factories import actor_of
from tests.together import held_up


def join(code: str, user: User) -> Membership:
    return organizations.join(code=code, user=user, by=actor_of(user))


def test_a_code_is_known_by_its_digest_alone(northwind: Organization) -> None:
    invite, code = factories.make_invite(northwind, Role.MANAGER)

    assert code.startswith("hyi_")
    kept = InviteCode.objects.filter(pk=invite.pk).values()[0]
    assert code not in str(kept)
    assert kept["shown_prefix"] == code[:8]
    assert timedelta(days=6, hours=23) < kept["expires_at"] - timezone.now() < timedelta(days=7)


def test_a_code_makes_a_member_with_its_role(northwind: Organization, sam: User) -> None:
    invite, code = factories.make_invite(northwind, Role.MANAGER)

    membership = join(f" {code}\n", sam)

    assert (membership.org, membership.role) == (northwind, Role.MANAGER)
    invite.refresh_from_db()
    assert invite.used_by == sam
    assert invite.used_at is not None
    verbs = list(Event.objects.in_org(northwind).order_by("-pk").values_list("verb", flat=True))
    assert verbs[:2] == ["membership.created", "invite.redeemed"]


def test_a_code_works_once(northwind: Organization, sam: User) -> None:
    _, code = factories.make_invite(northwind)
    join(code, sam)

    with pytest.raises(InviteRefused):
        join(code, factories.make_user())

    assert Membership.objects.in_org(northwind).count() == 2


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("used", "has been used already, and a code works once"),
        ("expired", "has expired"),
        ("revoked", "was revoked"),
        ("unknown", "There is no such invite code."),
        ("checksum", "There is no such invite code."),
        ("empty", "There is no such invite code."),
    ],
)
def test_a_code_that_is_no_good_says_why(
    northwind: Organization, sam: User, damage: str, why: str
) -> None:
    invite, code = factories.make_invite(northwind)
    if damage == "used":
        join(code, factories.make_user())
    elif damage == "expired":
        InviteCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif damage == "revoked":
        invites.revoke_invite(invite, by=actor_of(sam))
    elif damage == "unknown":
        invite.delete()
    code = {"checksum": code[:-1] + ("a" if code[-1] != "a" else "b"), "empty": ""}.get(
        damage, code
    )

    with pytest.raises(InviteRefused) as refused:
        join(code, sam)

    assert why in refused.value.message
    assert not Membership.objects.filter(user=sam, org=northwind).exists()


def test_what_became_of_each_code_is_known(
    northwind: Organization, olivia: User, max: User, sam: User
) -> None:
    for name in ("used", "revoked", "expired", "void", "open"):
        invite, code = factories.make_invite(northwind, creator=max if name == "void" else olivia)
        if name == "used":
            join(code, sam)
        elif name == "revoked":
            invites.revoke_invite(invite, by=actor_of(olivia))
        elif name == "expired":
            InviteCode.objects.filter(pk=invite.pk).update(expires_at=timezone.now())
    Membership.objects.get(user=max).delete()

    codes = InviteCode.objects.with_state().order_by("pk")

    assert [invite.state for invite in codes] == ["used", "revoked", "expired", "void", "open"]
    assert InviteCode.objects.redeemable().get() == InviteCode.objects.latest("pk")


def test_a_member_does_not_use_up_a_code(northwind: Organization, uma: User) -> None:
    invite, code = factories.make_invite(northwind)

    with pytest.raises(AlreadyMember):
        join(code, uma)

    invite.refresh_from_db()
    assert invite.used_at is None


def test_a_managers_code_is_void_when_they_have_left(
    northwind: Organization, max: User, sam: User
) -> None:
    _, code = factories.make_invite(northwind, creator=max)
    Membership.objects.filter(org=northwind, user=max).delete()

    with pytest.raises(InviteRefused):
        join(code, sam)


def test_a_code_is_void_while_its_maker_is_locked_out(
    northwind: Organization, max: User, sam: User
) -> None:
    _, code = factories.make_invite(northwind, creator=max)
    User.objects.filter(pk=max.pk).update(is_active=False)

    with pytest.raises(InviteRefused) as refused:
        join(code, sam)

    assert "is void" in refused.value.message
    assert not Membership.objects.filter(user=sam, org=northwind).exists()


def test_an_owners_code_for_an_owner_is_void_when_they_are_manager(
    northwind: Organization, olivia: User, sam: User
) -> None:
    _, code = factories.make_invite(northwind, Role.OWNER, creator=olivia)
    Membership.objects.filter(org=northwind, user=olivia).update(role=Role.MANAGER)

    with pytest.raises(InviteRefused):
        join(code, sam)


@pytest.mark.parametrize(
    ("giver", "role"),
    [
        (Role.MANAGER, Role.OWNER),
        *((giver, role) for giver in (Role.USER, Role.BILLING) for role in Role),
    ],
)
def test_nobody_gives_more_than_they_have(
    northwind: Organization, max: User, giver: Role, role: Role
) -> None:
    with pytest.raises(RoleTooHigh):
        invites.create_invite(
            northwind, role=role, by=actor_of(max), creator=max, creator_role=giver
        )

    assert not InviteCode.objects.exists()


def test_revoking_twice_is_one_event(northwind: Organization, olivia: User) -> None:
    invite, _ = factories.make_invite(northwind)

    invites.revoke_invite(invite, by=actor_of(olivia))
    again = invites.revoke_invite(invite, by=actor_of(olivia))

    assert again.revoked_at is not None
    assert Event.objects.filter(verb="invite.revoked").count() == 1


def test_a_used_code_is_not_revoked(northwind: Organization, olivia: User, sam: User) -> None:
    invite, code = factories.make_invite(northwind)
    join(code, sam)

    with pytest.raises(InviteUsed):
        invites.revoke_invite(invite, by=actor_of(olivia))

    invite.refresh_from_db()
    assert invite.revoked_at is None


def test_a_full_plan_lets_nobody_in_and_keeps_the_code(northwind: Organization, sam: User) -> None:
    northwind.plan = Plan.FREE
    northwind.save()
    for _ in range(4):
        factories.make_member(northwind)
    invite, code = factories.make_invite(northwind)

    with pytest.raises(PlanLimit) as refused:
        join(code, sam)

    assert "room for 5 members" in refused.value.message
    invite.refresh_from_db()
    assert invite.used_at is None


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_code_one_gets_in() -> None:
    """The first holds its transaction open while the second asks."""
    org = factories.make_org()
    invite, code = factories.make_invite(org)
    first, second = factories.make_user(), factories.make_user()

    with pytest.raises(InviteRefused) as refused:
        held_up(lambda: join(code, second), by=lambda: join(code, first))

    why = organizations.why_refused(InviteCode.objects.with_state().get(pk=invite.pk))
    assert refused.value.message == why
    invite.refresh_from_db()
    assert invite.used_by == first
    assert Membership.objects.in_org(org).count() == 2
