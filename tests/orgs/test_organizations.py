"""Organizations come from people who sign up, and their addresses from their names."""

from __future__ import annotations

import pytest

from orgs.models import Event, Membership, Organization, Role, User
from orgs.services import organizations
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
