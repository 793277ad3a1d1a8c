"""Organizations come from people who sign up, and their addresses from their names."""

from __future__ import annotations

import pytest

from hydra.errors import Forbidden, Invalid
from orgs.models import Event, Membership, Organization, Role, User
from orgs.services import organizations
from orgs.services.invites import RoleTooHigh
from orgs.services.organizations import OrganizationChanges
from tests import factories


def test_whoever_makes_an_organization_owns_it(sam: User) -> None:
    org = organizations.create_organization(name="  East Wind  ", owner=sam)

    assert (org.name, org.slug) == ("East Wind", "east-wind")
    assert Membership.objects.get(org=org).role == Role.OWNER
    assert list(Event.objects.in_org(org).order_by("pk").values_list("verb", "actor_uid")) == [
        ("organization.created", sam.uid),
        ("membership.created", sam.uid),
    ]


def test_organizations_of_one_name_have_different_addresses(sam: User) -> None:
    slugs = [
        organizations.create_organization(name=name, owner=sam).slug
        for name in ("Wind", "wind", "WIND!", "Wind 2", "風", "風")
    ]

    assert slugs == ["wind", "wind-2", "wind-3", "wind-2-2", "organization", "organization-2"]


def test_a_very_long_name_has_room_for_a_number(sam: User) -> None:
    slugs = [organizations.create_organization(name="w" * 100, owner=sam).slug for _ in range(2)]

    assert slugs == ["w" * 54, "w" * 54 + "-2"]


def test_a_founded_organization_starts_with_three_environments(sam: User) -> None:
    org = organizations.found_organization(name="East", owner=sam)

    assert list(org.environments.values_list("name", "slug", "position")) == [
        ("Development", "development", 0),
        ("Staging", "staging", 1),
        ("Production", "production", 2),
    ]


@pytest.mark.parametrize(
    ("typed", "made"), [("Wind GmbH", "Wind GmbH"), ("  ", "Sam Stranger's organization")]
)
def test_a_new_account_without_a_code_gets_an_organization(
    sam: User, typed: str, made: str
) -> None:
    org = organizations.welcome(sam, code=" ", organization=typed, by=factories.actor_of(sam))

    assert org.name == made
    assert Organization.objects.count() == 1


# --- General ---------------------------------------------------------------------------------


def update(org: Organization, asker: User, changes: OrganizationChanges) -> Organization:
    return organizations.update_organization(
        org, changes=changes, by=factories.actor_of(asker), user_pk=asker.pk
    )


def test_what_changes_is_an_event_with_before_and_after(
    northwind: Organization, olivia: User
) -> None:
    changes = OrganizationChanges(name=" North ", time_zone="Europe/Berlin", description="")

    org = update(northwind, olivia, changes)
    update(northwind, olivia, changes)

    org.refresh_from_db()
    assert (org.name, org.slug, org.time_zone) == ("North", "northwind", "Europe/Berlin")
    assert Event.objects.get(verb="organization.updated").data == {
        "before": {"name": "Northwind", "time_zone": "UTC"},
        "after": {"name": "North", "time_zone": "Europe/Berlin"},
    }


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        (OrganizationChanges(name="  "), "name"),
        (OrganizationChanges(time_zone="Mars/Olympus"), "time_zone"),
        (OrganizationChanges(time_zone="../etc/passwd"), "time_zone"),
        (OrganizationChanges(time_zone=""), "time_zone"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(
    northwind: Organization, olivia: User, changes: OrganizationChanges, location: str
) -> None:
    with pytest.raises(Invalid) as refused:
        update(northwind, olivia, changes)

    assert [detail["location"] for detail in refused.value.details] == [location]
    assert not Event.objects.filter(verb="organization.updated").exists()


def test_a_manager_edits_when_an_owner_lets_them_but_not_the_owners_choices(
    northwind: Organization, olivia: User, max: User
) -> None:
    with pytest.raises(Forbidden):
        update(northwind, max, {"name": "Mine"})
    update(northwind, olivia, {"managers_may_edit": True})

    update(northwind, max, {"name": "North", "managers_may_edit": True})
    for choice in (
        OrganizationChanges(managers_may_edit=False),
        OrganizationChanges(requires_two_factor=True),
    ):
        with pytest.raises(RoleTooHigh):
            update(northwind, max, choice)

    northwind.refresh_from_db()
    assert (northwind.name, northwind.managers_may_edit) == ("North", True)
    assert not northwind.requires_two_factor
