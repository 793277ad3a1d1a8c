"""The pages of keys and personal tokens: nothing beyond one's own rights, shown once, rotated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs.auth import authenticate, authenticate_key
from orgs.forms.keys import WORDS
from orgs.models import ApiKey, Membership, Organization, PersonalToken, Role, User
from orgs.models.rights import CI_PERMISSIONS, PersonalRight, Right
from tests import factories
from tests.conftest import signed_in

KEYS = "/o/northwind/settings/api-keys/"
TOKENS = "/account/tokens/"
FORM = {"name": "ci", "permissions": ["application.*.create_version"], "expires": "30"}


def offered(answer: Any) -> set[str]:
    return {value for value, _ in answer.context["form"].fields["permissions"].choices}


# --- What may be chosen ---------------------------------------------------------------------


def test_the_checklist_offers_what_one_has_oneself(
    northwind: Organization, olivia: User, max: User
) -> None:
    owners, managers = (signed_in(user).get(KEYS) for user in (olivia, max))

    assert "application.*.create_version" in offered(managers)
    assert "organization.*.delete" not in offered(managers)
    assert offered(managers) <= offered(owners)
    assert "token.*.write" not in offered(owners)


def test_every_right_has_words() -> None:
    assert set(WORDS) == {*Right, *PersonalRight}


def test_a_billing_clerk_makes_a_token_for_billing_alone(bill: User) -> None:
    assert offered(signed_in(bill).get(TOKENS)) == {
        "organization.*.read",
        "billing.*.read",
        "billing.*.write",
        "usage.*.read",
        "token.*.read",
        "token.*.write",
    }


def test_what_a_pipeline_needs_is_chosen_and_nothing_more(
    northwind: Organization, max: User
) -> None:
    form = signed_in(max).get(KEYS).context["form"]

    assert set(form.fields["permissions"].initial) == set(CI_PERMISSIONS)


def test_a_key_is_limited_to_what_was_chosen(northwind: Organization, max: User) -> None:
    shop, other = (factories.make_project(northwind, name) for name in ("Shop", "Other"))
    api = factories.make_application(northwind, name="API")
    sent = FORM | {
        "permissions": [
            "project.*.create",
            "project.*.read",
            "application.*.create_version",
            "environment.*.read",
        ],
        "projects": [shop.uid],
        "applications": [api.uid],
    }

    page = signed_in(max).post(KEYS + "new/", sent)

    assert ApiKey.objects.get().permissions == [
        f"project.{shop.uid}.read",
        f"application.{api.uid}.create_version",
        "environment.*.read",
    ]
    assert page.context["shown"][0].may == [
        "Read projects in Shop",
        "Create versions in API",
        "Read environments",
    ]
    assert other.uid in page.content.decode()  # to choose from, for the next


@pytest.mark.parametrize("field", ["projects", "applications"])
def test_another_organizations_things_cannot_be_chosen(
    northwind: Organization, southwind: Organization, max: User, field: str
) -> None:
    theirs = (
        factories.make_project(southwind)
        if field == "projects"
        else factories.make_application(southwind)
    )

    answer = signed_in(max).post(KEYS + "new/", FORM | {field: [theirs.uid]})

    assert answer.status_code == 422
    assert not ApiKey.objects.exists()
    assert theirs.uid not in signed_in(max).get(KEYS).content.decode()


def test_a_limited_key_that_could_do_nothing_is_refused(northwind: Organization, max: User) -> None:
    shop = factories.make_project(northwind)
    sent = FORM | {"permissions": ["project.*.create"], "projects": [shop.uid]}

    answer = signed_in(max).post(KEYS + "new/", sent)

    assert answer.status_code == 422
    assert "A limited key cannot create" in answer.content.decode()
    assert not ApiKey.objects.exists()


# --- Lists ----------------------------------------------------------------------------------


@pytest.fixture
def of_every_state(northwind: Organization, max: User) -> None:
    now = timezone.now()
    successor, _ = factories.make_key(northwind, name="live")
    ends: dict[str, dict[str, Any]] = {
        "ending": {"expires_at": now + timedelta(days=13)},
        "expired": {"expires_at": now - timedelta(days=1)},
        "replaced": {"expires_at": now - timedelta(days=1), "replaced_by": successor},
        "revoked": {"revoked_at": now},
    }
    for name, fields in ends.items():
        factories.make_key(northwind, name=name, creator=max, **fields)


@pytest.mark.parametrize("state", ["live", "ending", "expired", "replaced", "revoked"])
def test_keys_are_filtered_by_their_state(of_every_state: None, max: User, state: str) -> None:
    shown = signed_in(max).get(f"{KEYS}?state={state}").context["shown"]

    assert [(each.row.name, each.row.state) for each in shown] == [(state, state)]


@pytest.mark.parametrize(
    ("words", "found"),
    [("expi", ["expired"]), ("olivia", ["live"]), ("nothing", []), ("%", [])],
)
def test_keys_are_searched_by_name_and_maker(
    of_every_state: None, max: User, words: str, found: list[str]
) -> None:
    shown = signed_in(max).get(KEYS, {"q": words}).context["shown"]

    assert [each.row.name for each in shown] == found


def test_a_key_is_found_by_its_last_four(of_every_state: None, max: User) -> None:
    key = ApiKey.objects.get(name="live")

    shown = signed_in(max).get(KEYS, {"q": key.last_four}).context["shown"]

    assert [each.row.name for each in shown] == ["live"]


def test_an_odd_filter_filters_nothing(of_every_state: None, max: User) -> None:
    assert len(signed_in(max).get(f"{KEYS}?state=broken").context["shown"]) == 5


def test_what_has_ended_cannot_be_rotated_by_its_page(of_every_state: None, max: User) -> None:
    page = signed_in(max).get(KEYS).content.decode()

    buttons = {name: f'aria-label="Rotate {name}"' in page for name in ("live", "revoked")}
    assert buttons == {"live": True, "revoked": False}


# --- Rotating -------------------------------------------------------------------------------


def test_rotating_shows_the_new_key_once_and_lets_the_old_one_go_on(
    northwind: Organization, max: User
) -> None:
    key, old = factories.make_key(northwind, creator=max)
    client = signed_in(max)

    asked = client.get(f"{KEYS}{key.uid}/rotate/")
    answer = client.post(f"{KEYS}{key.uid}/rotate/", {"overlap_days": "7"})

    assert asked.context["form"].fields["overlap_days"].initial == 7
    new = answer.context["token"]
    assert new in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    for token in (old, new):
        authenticate(token)
    assert new not in client.get(KEYS).content.decode()


@pytest.mark.parametrize("days", ["31", "-1", "", "soon"])
def test_an_odd_overlap_is_asked_for_again(northwind: Organization, max: User, days: str) -> None:
    key, _ = factories.make_key(northwind, creator=max)

    answer = signed_in(max).post(f"{KEYS}{key.uid}/rotate/", {"overlap_days": days})

    assert answer.status_code == 422
    assert ApiKey.objects.count() == 1


def test_a_manager_rotates_no_key_that_holds_more_than_they_have(
    northwind: Organization, max: User
) -> None:
    key, _ = factories.make_key(northwind, permissions=["organization.*.delete"])

    answer = signed_in(max).post(f"{KEYS}{key.uid}/rotate/", {"overlap_days": "7"})

    assert answer.status_code == 403
    assert "organization.*.delete" in answer.content.decode()
    assert ApiKey.objects.count() == 1


def test_rotating_twice_says_that_it_was_rotated(northwind: Organization, max: User) -> None:
    key, _ = factories.make_key(northwind, creator=max)
    client = signed_in(max)
    client.post(f"{KEYS}{key.uid}/rotate/", {"overlap_days": "7"})

    here = {"Referer": f"http://testserver{KEYS}"}
    answer = client.post(
        f"{KEYS}{key.uid}/rotate/", {"overlap_days": "7"}, headers=here, follow=True
    )

    assert "has been rotated already" in answer.content.decode()
    assert ApiKey.objects.count() == 2


# --- Personal tokens ------------------------------------------------------------------------


@pytest.fixture
def maxs(max: User) -> Client:
    return signed_in(max)


def test_a_new_token_is_shown_once_and_works(maxs: Client, max: User) -> None:
    made = maxs.post(TOKENS + "new/", FORM)

    token = made.context["token"]
    assert token.startswith("hyp_")
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    kept = PersonalToken.objects.get()
    assert kept.user == max
    assert authenticate(token).credential == kept.uid
    assert token not in maxs.get(TOKENS).content.decode()


def test_a_wrong_form_keeps_what_was_typed(maxs: Client) -> None:
    answer = maxs.post(TOKENS + "new/", FORM | {"expires": "date", "name": "my laptop"})

    assert answer.status_code == 422
    assert 'value="my laptop"' in answer.content.decode()
    assert not PersonalToken.objects.exists()


def test_a_token_is_rotated_and_revoked_by_its_page(maxs: Client, max: User) -> None:
    token, _ = factories.make_token(max)

    rotated = maxs.post(f"{TOKENS}{token.uid}/rotate/", {"overlap_days": "0"})
    new = PersonalToken.objects.exclude(pk=token.pk).get()
    maxs.get(f"{TOKENS}{new.uid}/revoke/")
    maxs.post(f"{TOKENS}{new.uid}/revoke/")

    assert rotated.context["made"] == new
    states = PersonalToken.objects.order_by("pk")
    assert [each.state for each in states] == ["replaced", "revoked"]


def test_nobody_sees_or_ends_anothers_token(max: User, olivia: User) -> None:
    token, _ = factories.make_token(max, name="secret plan")
    client = signed_in(olivia)

    listed = client.get(TOKENS).content.decode()
    refused = client.post(f"{TOKENS}{token.uid}/revoke/")

    assert "secret plan" not in listed
    assert refused.status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_token_is_limited_to_things_of_any_of_ones_organizations(
    maxs: Client, max: User, southwind: Organization
) -> None:
    theirs = factories.make_project(southwind, "Theirs")
    sent = FORM | {"permissions": ["project.*.read"], "projects": [theirs.uid]}
    assert maxs.post(TOKENS + "new/", sent).status_code == 422

    Membership.objects.create(org=southwind, user=max, role=Role.USER)
    page = maxs.post(TOKENS + "new/", sent)

    assert PersonalToken.objects.get().permissions == [f"project.{theirs.uid}.read"]
    assert "Southwind: Theirs" in page.content.decode()


# --- One key, from its form to its end ----------------------------------------------------------


KEY_FORM = {"name": "ci", "permissions": ["application.*.create_version"], "expires": "30"}


def test_a_new_key_is_shown_once_and_works(northwind: Organization, max: User) -> None:
    client = signed_in(max)

    made = client.post("/o/northwind/settings/api-keys/new/", KEY_FORM)

    token = made.context["token"]
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert authenticate_key(token).org == northwind
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert timedelta(days=29, hours=23) < key.expires_at - timezone.now() <= timedelta(days=30)
    later = client.get("/o/northwind/settings/api-keys/").content.decode()
    assert token not in later
    assert key.shown_prefix in later


@pytest.mark.parametrize(
    ("chosen", "ends"),
    [
        ({"expires": "never"}, None),
        ({"expires": "never", "expires_on": "2001-01-01"}, None),
        ({"expires": "date", "expires_on": "2126-01-01"}, "2126-01-01T23:59:59"),
    ],
)
def test_a_key_ends_when_it_was_said_to(
    northwind: Organization, max: User, chosen: dict[str, str], ends: str | None
) -> None:
    signed_in(max).post("/o/northwind/settings/api-keys/new/", KEY_FORM | chosen)

    expires_at = ApiKey.objects.get().expires_at
    assert (expires_at and expires_at.isoformat()[:19]) == ends


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"permissions": []},
        {"permissions": ["project.*.fly"]},
        {"permissions": ["organization.*.delete"]},
        {"expires": "7000"},
        {"expires": ""},
        {"expires": "date", "expires_on": ""},
        {"expires": "date", "expires_on": "yesterday"},
        {"expires": "date", "expires_on": "2001-01-01"},
    ],
)
def test_a_wrong_key_form_makes_no_key(
    northwind: Organization, max: User, wrong: dict[str, Any]
) -> None:
    answer = signed_in(max).post("/o/northwind/settings/api-keys/new/", KEY_FORM | wrong)

    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


def test_revoking_a_key_by_its_page(northwind: Organization, max: User) -> None:
    key, _ = factories.make_key(northwind)
    client = signed_in(max)

    asked = client.get(f"/o/northwind/settings/api-keys/{key.uid}/revoke/")
    client.post(f"/o/northwind/settings/api-keys/{key.uid}/revoke/")

    assert key.name in asked.content.decode()
    key.refresh_from_db()
    assert key.revoked_at is not None
