"""Roles change and members go by the rules of the table, whoever asks and however many at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from hydra.errors import Forbidden, NotFound, Refused
from orgs.auth import authenticate_key
from orgs.models import Event, Membership, Organization, Role, User
from orgs.models.rights import Right
from orgs.services import memberships, organizations
from orgs.services.invites import RoleTooHigh
from orgs.services.memberships import LastOwner, OwnMembership
from tests import factories
from tests.factories import actor_of
from tests.together import held_up


def membership_of(user: User, org: Organization) -> Membership:
    return Membership.objects.with_names().get(org=org, user=user)


def roles(org: Organization) -> dict[str, str]:
    rows = Membership.objects.in_org(org).select_related("user")
    return {row.user.name.split()[0].lower(): row.role for row in rows}


def change(asker: User, member: User, role: Role, *, org: Organization) -> Membership:
    return memberships.change_role(
        membership_of(member, org), role=role, by=actor_of(asker), user_pk=asker.pk
    )


def remove(asker: User, member: User, *, org: Organization) -> None:
    memberships.remove_member(membership_of(member, org), by=actor_of(asker), user_pk=asker.pk)


def transfer(asker: User, heir: User, *, org: Organization, keeps_owner: bool) -> Membership:
    return memberships.transfer_ownership(
        membership_of(heir, org), keeps_owner=keeps_owner, by=actor_of(asker), user_pk=asker.pk
    )


# --- The table -------------------------------------------------------------------------------

OK, OWN, HIGH, NO = "done", OwnMembership, RoleTooHigh, Forbidden

# Who asks; then for each member: may their role become user, owner; may they be removed.
TABLE = {
    #          olivia           oscar            max              uma              bill
    "olivia": [(OWN, OWN, OWN), (OK, OK, OK), (OK, OK, OK), (OK, OK, OK), (OK, OK, OK)],
    "max": [
        (HIGH, HIGH, HIGH),
        (HIGH, HIGH, HIGH),
        (OWN, OWN, OWN),
        (OK, HIGH, OK),
        (OK, HIGH, OK),
    ],
    "uma": [(NO, NO, NO)] * 5,
    "bill": [(NO, NO, NO)] * 5,
    "sam": [(NO, NO, NO)] * 5,
}
MEMBERS = ("olivia", "oscar", "max", "uma", "bill")


@pytest.fixture
def people(cast: dict[str, User], northwind: Organization) -> dict[str, User]:
    """The cast, and Oscar, a second owner."""
    oscar = factories.make_user(name="Oscar Owner")
    return {**cast, "oscar": factories.make_member(northwind, Role.OWNER, user=oscar)}


def outcome(act: Callable[[], object]) -> object:
    """`done`, or the kind of refusal; a refusal has changed nothing, and neither is kept."""
    with transaction.atomic():
        before = (list(Membership.objects.order_by("pk").values()), Event.objects.count())
        try:
            act()
        except Refused as refused:
            after = (list(Membership.objects.order_by("pk").values()), Event.objects.count())
            assert after == before
            return type(refused)
        finally:
            transaction.set_rollback(True)
    return OK


@pytest.mark.parametrize("asker", TABLE)
def test_who_may_change_and_remove_whom(
    people: dict[str, User], northwind: Organization, asker: str
) -> None:
    by = people[asker]

    def row(name: str) -> tuple[object, ...]:
        member = people[name]
        return (
            outcome(lambda: change(by, member, Role.USER, org=northwind)),
            outcome(lambda: change(by, member, Role.OWNER, org=northwind)),
            outcome(lambda: remove(by, member, org=northwind)),
        )

    assert [row(name) for name in MEMBERS] == TABLE[asker]


# --- One change ------------------------------------------------------------------------------


def test_a_changed_role_says_before_and_after(
    northwind: Organization, olivia: User, uma: User
) -> None:
    change(olivia, uma, Role.MANAGER, org=northwind)
    change(olivia, uma, Role.MANAGER, org=northwind)

    assert roles(northwind) == {"olivia": "ORG_OWNER", "uma": "ORG_MANAGER"}
    event = Event.objects.get(verb="membership.role_changed")
    assert event.actor_uid == olivia.uid
    assert event.data == {
        "user": uma.uid,
        "before": {"role": "ORG_USER"},
        "after": {"role": "ORG_MANAGER"},
    }


def test_a_removed_member_leaves_with_keys_and_codes(
    northwind: Organization, olivia: User, max: User, sam: User
) -> None:
    _, token = factories.make_key(northwind, creator=max)
    _, code = factories.make_invite(northwind, creator=max)

    remove(olivia, max, org=northwind)

    assert roles(northwind) == {"olivia": "ORG_OWNER"}
    assert not authenticate_key(token).allows(Right.PROJECT_READ)
    with pytest.raises(organizations.InviteRefused) as refused:
        organizations.join(code=code, user=sam, by=actor_of(sam))
    assert "is void" in refused.value.message
    event = Event.objects.get(verb="membership.removed")
    assert event.data == {"user": max.uid, "role": "ORG_MANAGER"}


def test_a_member_who_is_gone_is_not_removed_again(
    northwind: Organization, olivia: User, uma: User
) -> None:
    gone = membership_of(uma, northwind)
    remove(olivia, uma, org=northwind)

    with pytest.raises(NotFound):
        memberships.remove_member(gone, by=actor_of(olivia), user_pk=olivia.pk)


def test_the_last_owner_stays_whoever_asks(northwind: Organization, olivia: User) -> None:
    with pytest.raises(LastOwner):
        memberships.require_another_owner(membership_of(olivia, northwind))


# --- Handing over ----------------------------------------------------------------------------


@pytest.mark.parametrize(("keeps_owner", "left_as"), [(True, "ORG_OWNER"), (False, "ORG_MANAGER")])
def test_ownership_passes_in_one_step(
    northwind: Organization, olivia: User, max: User, keeps_owner: bool, left_as: str
) -> None:
    transfer(olivia, max, org=northwind, keeps_owner=keeps_owner)

    assert roles(northwind) == {"olivia": left_as, "max": "ORG_OWNER"}
    event = Event.objects.get(verb="organization.transferred")
    assert event.data == {"from": olivia.uid, "to": max.uid, "keeps_owner": keeps_owner}
    assert Event.objects.filter(verb="membership.role_changed").count() == 2 - keeps_owner


def test_only_an_owner_hands_over_and_not_to_themselves(
    northwind: Organization, olivia: User, max: User, uma: User
) -> None:
    assert outcome(lambda: transfer(max, uma, org=northwind, keeps_owner=False)) is Forbidden
    own = outcome(lambda: transfer(olivia, olivia, org=northwind, keeps_owner=False))
    assert own is OwnMembership


# --- Two at once -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["demote", "remove"])
def test_two_owners_cannot_take_each_others_role_at_once(act: str) -> None:
    """The first holds its transaction open while the second asks."""
    org = factories.make_org()
    first = factories.owner_of(org)
    second = factories.make_member(org, Role.OWNER)

    def take(asker: User, member: User) -> None:
        if act == "demote":
            change(asker, member, Role.USER, org=org)
        else:
            remove(asker, member, org=org)

    with pytest.raises(Forbidden) as refused:
        held_up(lambda: take(second, first), by=lambda: take(first, second))

    assert refused.value.right == "member.*.write"
    assert Membership.objects.in_org(org).owners().get().user == first
