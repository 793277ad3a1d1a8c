"""Signing up, in and out, through a browser's eyes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.forms import Form
from django.test import Client, RequestFactory
from django.utils import timezone

from orgs.models import InviteCode, Membership, Organization, Role, User
from orgs.views.adapters import AccountAdapter, EmailTaken
from tests import factories
from tests.conftest import signed_in

ADA = {
    "name": "Ada Lovelace",
    "email": "Ada@Engine.Example",
    "password1": "analytical engines hum",
    "organization": "",
    "invite_code": "",
}


def sign_up(client: Client, **typed: str) -> Any:
    return client.post("/account/signup/", ADA | typed)


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_signing_up_makes_an_organization_with_its_environments(client: Client, db: None) -> None:
    answer = sign_up(client, organization="Engines")

    assert answer.status_code == 302
    assert answer["Location"] == "/"
    ada = User.objects.get()
    assert (ada.email, ada.name) == ("ada@engine.example", "Ada Lovelace")
    membership = Membership.objects.get()
    assert (membership.user, membership.role) == (ada, Role.OWNER)
    assert (membership.org.name, membership.org.slug) == ("Engines", "engines")
    assert membership.org.environments.count() == 3
    assert who(client) == str(ada.pk)
    assert client.get("/")["Location"] == "/o/engines/enter/"


def test_without_a_name_the_organization_is_called_after_the_person(
    client: Client, db: None
) -> None:
    sign_up(client)

    assert Organization.objects.get().name == "Ada Lovelace's organization"


def test_a_code_joins_its_organization_and_makes_no_other(
    client: Client, northwind: Organization
) -> None:
    invite, code = factories.make_invite(northwind, Role.MANAGER)

    answer = sign_up(client, invite_code=f" {code} ", organization="Ignored")

    assert answer.status_code == 302
    membership = Membership.objects.get(user__email="ada@engine.example")
    assert (membership.org, membership.role) == (northwind, Role.MANAGER)
    assert Organization.objects.count() == 1
    invite.refresh_from_db()
    assert invite.used_by == membership.user


@pytest.mark.parametrize("damage", ["wrong", "used", "expired", "revoked"])
def test_a_bad_code_is_an_error_at_its_field_and_leaves_nothing(
    client: Client, northwind: Organization, sam: User, damage: str
) -> None:
    _, code = factories.make_invite(northwind)
    now = timezone.now()
    if damage == "wrong":
        code = "hyi_nonsense"
    elif damage == "used":
        InviteCode.objects.update(used_by=sam, used_at=now)
    elif damage == "expired":
        InviteCode.objects.update(expires_at=now - timedelta(seconds=1))
    else:
        InviteCode.objects.update(revoked_at=now)
    before = (User.objects.count(), Organization.objects.count(), Membership.objects.count())

    answer = sign_up(client, invite_code=code)

    form = answer.context["form"]
    assert list(form.errors) == ["invite_code"]
    assert "vite code" in form.errors["invite_code"][0]
    page = answer.content.decode()
    for typed in ("Ada Lovelace", "Ada@Engine.Example", code):
        assert f'value="{typed}"' in page
    after = (User.objects.count(), Organization.objects.count(), Membership.objects.count())
    assert after == before
    assert who(client) is None


def test_a_link_carries_the_code(client: Client, db: None) -> None:
    page = client.get("/account/signup/?code=hyi_abc%22%3E").content.decode()

    assert 'value="hyi_abc&quot;&gt;"' in page


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""),
        ("email", "not an address"),
        ("email", ""),
        ("password1", "short"),
        ("password1", "password123"),
        ("password1", "ada@engine.example"),
        ("organization", "x" * 101),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Client, db: None, field: str, typed: str
) -> None:
    answer = sign_up(client, **{field: typed})

    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.exists()


def test_an_address_is_used_once_whatever_its_case(client: Client, olivia: User) -> None:
    answer = sign_up(client, email="OLIVIA@Northwind.Example")

    assert list(answer.context["form"].errors) == ["email"]
    assert User.objects.count() == 1
    assert who(client) is None


def test_signing_in_leads_back_to_where_one_was_going(
    client: Client, northwind: Organization, olivia: User
) -> None:
    wanted = "/o/northwind/settings/users/?x=1"
    asked = client.get(wanted)
    page = client.get(asked["Location"]).content.decode()
    assert 'name="next"' in page

    answer = client.post(
        "/account/login/",
        {"login": "Olivia@northwind.example", "password": factories.PASSWORD, "next": wanted},
    )

    assert answer["Location"] == wanted
    assert who(client) == str(olivia.pk)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http:///evil.example",
        "\x00//evil.example",
    ],
)
@pytest.mark.parametrize("form", ["login", "signup"])
def test_nobody_is_led_elsewhere(client: Client, olivia: User, elsewhere: str, form: str) -> None:
    typed = {"login": olivia.email, "password": factories.PASSWORD} if form == "login" else ADA

    answer = client.post(f"/account/{form}/", typed | {"next": elsewhere})

    assert answer.status_code == 302
    assert answer["Location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"),
    [("olivia@northwind.example", "wrong"), ("nobody@northwind.example", factories.PASSWORD)],
)
def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nobody(
    client: Client, olivia: User, login: str, password: str
) -> None:
    answer = client.post("/account/login/", {"login": login, "password": password})

    assert answer.context["form"].non_field_errors() == [
        "The e-mail address or the password is wrong."
    ]
    assert who(client) is None


def test_guessing_is_slowed_down(client: Client, olivia: User) -> None:
    for _ in range(6):
        client.post("/account/login/", {"login": olivia.email, "password": "wrong"})

    answer = client.post("/account/login/", {"login": olivia.email, "password": factories.PASSWORD})

    assert who(client) is None
    assert "Too many failed attempts" in answer.content.decode()


def test_signing_out_takes_a_click(northwind: Organization, olivia: User) -> None:
    client = signed_in(olivia)

    client.get("/account/logout/")
    assert who(client) is not None
    client.post("/account/logout/")

    assert who(client) is None
    assert client.get("/")["Location"] == "/account/login/?next=/"


def test_an_inactive_account_does_not_enter(client: Client, olivia: User) -> None:
    olivia.is_active = False
    olivia.save()

    client.post("/account/login/", {"login": olivia.email, "password": factories.PASSWORD})

    assert who(client) is None


# --- The account -----------------------------------------------------------------------------


def test_home_is_the_organization_that_was_open_last(
    northwind: Organization, southwind: Organization, sam: User
) -> None:
    factories.make_member(northwind, user=sam)
    client = signed_in(sam)
    assert client.get("/")["Location"] == "/o/northwind/enter/"  # the first by name

    client.get("/o/southwind/settings/users/")
    assert client.get("/")["Location"] == "/o/southwind/enter/"

    Membership.objects.filter(user=sam, org=southwind).delete()
    assert client.get("/")["Location"] == "/o/northwind/enter/"


def test_everybody_enters_where_they_may_look_around(
    northwind: Organization, uma: User, bill: User, sam: User
) -> None:
    assert signed_in(uma).get("/o/northwind/enter/")["Location"] == "/o/northwind/"
    assert signed_in(bill).get("/o/northwind/enter/")["Location"] == "/account/"
    assert signed_in(sam).get("/o/northwind/enter/").status_code == 404


def test_an_account_without_an_organization_is_asked_to_join_or_found_one(sam: User) -> None:
    client = signed_in(sam)

    assert client.get("/")["Location"] == "/account/"
    assert "Invite Code" in client.get("/account/").content.decode()


def test_an_existing_account_redeems_a_code(northwind: Organization, sam: User) -> None:
    _, code = factories.make_invite(northwind)
    client = signed_in(sam)

    answer = client.post("/account/join/", {"code": code})
    again = client.post("/account/join/", {"code": code})

    assert answer["Location"] == "/o/northwind/enter/"
    assert Membership.objects.get(user=sam, org=northwind).role == Role.USER
    assert again.status_code == 422
    assert code in again.content.decode()


def test_an_existing_account_founds_another_organization(
    southwind: Organization, sam: User
) -> None:
    client = signed_in(sam)

    answer = client.post("/account/organizations/", {"name": "Eastwind"})

    assert answer["Location"] == "/o/eastwind/enter/"
    assert Membership.objects.get(user=sam, org__slug="eastwind").role == Role.OWNER
    assert client.post("/account/organizations/", {"name": " "}).status_code == 422


def test_of_two_who_sign_up_with_one_address_at_once_the_second_reads_why(
    rf: RequestFactory, olivia: User
) -> None:
    """Both forms were valid when they were checked; the database is the last reviewer."""
    form = Form()
    form.cleaned_data = ADA | {"email": olivia.email}

    with pytest.raises(EmailTaken):
        AccountAdapter().save_user(rf.post("/account/signup/"), User(), form)

    assert User.objects.count() == 1
    assert not Organization.objects.exists()
