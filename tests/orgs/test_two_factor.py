"""An organization may want two-factor of its members; what counts as one."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator

from orgs import auth
from orgs.access import TwoFactorNeeded, has_two_factor, require_two_factor
from orgs.models import Organization, Role, User
from tests import factories
from tests.conftest import signed_in

MEMBERS = "/o/northwind/settings/users/"


@pytest.fixture
def strict(northwind: Organization) -> Organization:
    northwind.requires_two_factor = True
    northwind.save()
    return northwind


def give(user: User, kind: str) -> None:
    Authenticator.objects.create(user=user, type=kind, data={})


@pytest.mark.parametrize(
    ("kind", "counts"), [("totp", True), ("webauthn", True), ("recovery_codes", False)]
)
def test_an_app_or_a_passkey_counts_and_recovery_codes_do_not(
    uma: User, kind: str, counts: bool
) -> None:
    assert not has_two_factor(uma)

    give(uma, kind)

    assert has_two_factor(uma) is counts


def test_a_member_without_it_is_led_to_where_it_is_switched_on(
    strict: Organization, uma: User
) -> None:
    client = signed_in(uma)

    answer = client.get(MEMBERS)
    fragment = client.get(MEMBERS, headers={"HX-Request": "true"})
    page = client.get(answer["Location"]).content.decode()

    assert answer["Location"] == fragment["HX-Redirect"] == "/account/two-factor/"
    assert "Northwind" in page
    assert client.get("/account/").status_code == 200  # their own account stays open to them


def test_a_member_with_it_is_let_in(strict: Organization, uma: User) -> None:
    give(uma, "totp")

    assert signed_in(uma).get(MEMBERS).status_code == 200


def test_a_stranger_learns_nothing_of_it(strict: Organization, sam: User) -> None:
    assert signed_in(sam).get(MEMBERS).status_code == 404


def test_an_organization_that_wants_none_asks_for_none(northwind: Organization, uma: User) -> None:
    require_two_factor(northwind, uma)

    assert signed_in(uma).get(MEMBERS).status_code == 200


def test_who_follows_by_a_token_is_asked_for_it_at_every_look(
    strict: Organization, uma: User
) -> None:
    token, _ = factories.make_token(uma)

    with pytest.raises(TwoFactorNeeded):
        auth.renew(token.uid, org_uid=strict.uid)

    give(uma, "totp")
    assert auth.renew(token.uid, org_uid=strict.uid).role == Role.USER


def test_programs_are_refused_with_the_reason(strict: Organization, uma: User) -> None:
    with pytest.raises(TwoFactorNeeded) as refused:
        require_two_factor(strict, uma)

    assert (refused.value.status, refused.value.code) == (403, "two_factor_required")
    assert "Northwind" in str(refused.value)
