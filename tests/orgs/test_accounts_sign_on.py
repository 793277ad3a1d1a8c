"""Signing on with OpenID Connect: who gets in, who is connected, and who is not taken over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client

from orgs.models import Event, Membership, Organization, User
from tests import factories
from tests.conftest import Browser, signed_in, stale
from tests.identity.provider import Provider
from tests.orgs.sign_on import ADA, START, configure, said, sign_on
from tests.orgs.test_accounts import who


def test_whoever_is_new_is_asked_for_the_organization_and_is_in(
    client: Client, provider: Provider
) -> None:
    assert "Continue with Engine ID" in client.get("/account/login/").content.decode()

    answer = sign_on(client, provider)
    page = client.get(answer["Location"])
    assert 'value="Ada L."' in page.content.decode()
    client.post(answer["Location"], {"name": "Ada L.", "organization": "Engines"})

    ada = User.objects.get()
    assert (ada.email, ada.name, ada.has_usable_password()) == (ADA["email"], "Ada L.", False)
    assert EmailAddress.objects.get().verified
    assert Membership.objects.get().org.name == "Engines"
    assert who(client) == str(ada.pk)


def test_the_second_time_is_known_by_the_providers_name_not_the_address(
    client: Client, provider: Provider
) -> None:
    answer = sign_on(client, provider)
    client.post(answer["Location"], {"name": "Ada", "organization": "Engines"})
    provider.person = ADA | {"email": "ada@elsewhere.example"}
    again = Browser()

    assert sign_on(again, provider, next="/account/profile/")["Location"] == "/account/profile/"

    assert who(again) == str(User.objects.get().pk)


def test_a_bad_code_is_an_error_at_its_field_and_can_be_put_right(
    client: Client, provider: Provider, northwind: Organization
) -> None:
    place = sign_on(client, provider)["Location"]
    _, code = factories.make_invite(northwind)

    wrong = client.post(place, {"name": "Ada", "invite_code": "hyi_nonsense"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["invite_code"])
    assert not SocialAccount.objects.exists()
    client.post(place, {"name": "Ada", "invite_code": code})

    assert Membership.objects.get(user__email=ADA["email"]).org == northwind


# --- Nobody is taken over --------------------------------------------------------------------


def test_an_account_with_the_same_address_is_not_entered(
    client: Client, provider: Provider, olivia: User
) -> None:
    provider.person = ADA | {"email": olivia.email}

    answer = sign_on(client, provider)

    assert answer["Location"] == "/account/login/"
    assert "Sign in to it first, then connect Engine ID" in said(client)
    assert who(client) is None
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("person", [{"email_verified": False}, {"email": ""}])
def test_an_address_that_nobody_vouches_for_tells_and_opens_nothing(
    settings: Any, provider: Provider, olivia: User, person: dict[str, Any], link: bool
) -> None:
    configure(settings, provider.issuer, link=link)
    answers = []
    for email in (olivia.email, "nobody@northwind.example"):
        client = Browser()
        provider.person = ADA | {"email": email} | person
        sign_on(client, provider)
        found = re.search(r"Engine ID does not vouch[^<]*", said(client))
        answers.append(found and found[0])
        assert who(client) is None

    assert answers[0] == answers[1] is not None
    assert not SocialAccount.objects.exists()


def test_a_vouched_address_is_connected_where_the_settings_allow_it(
    settings: Any, client: Client, provider: Provider, olivia: User, northwind: Organization
) -> None:
    configure(settings, provider.issuer, link=True)
    provider.person = ADA | {"email": olivia.email}
    EmailAddress.objects.create(user=olivia, email=olivia.email, primary=True, verified=True)

    sign_on(client, provider)

    assert who(client) == str(olivia.pk)
    assert SocialAccount.objects.get().user == olivia
    olivia.refresh_from_db()
    assert olivia.has_usable_password()
    assert list(Event.objects.filter(verb="user.sign_on_connected")) != []
    assert [message.to for message in mail.outbox] == [[olivia.email]]


def test_the_password_of_an_address_that_was_never_proved_ends_with_it(
    settings: Any, client: Client, provider: Provider, olivia: User
) -> None:
    configure(settings, provider.issuer, link=True)
    provider.person = ADA | {"email": olivia.email}

    sign_on(client, provider)

    olivia.refresh_from_db()
    assert not olivia.has_usable_password()


@pytest.mark.parametrize("way", ["passkey", "authenticator app", "another name", "token"])
def test_whoever_signed_up_with_anothers_address_has_kept_no_way_in(
    settings: Any, client: Client, provider: Provider, olivia: User, way: str
) -> None:
    """A password is not all that they could have left behind: then nothing is connected."""
    configure(settings, provider.issuer, link=True)
    provider.person = ADA | {"email": olivia.email}
    kinds = {"passkey": "webauthn", "authenticator app": "totp"}
    if way in kinds:
        Authenticator.objects.create(user=olivia, type=kinds[way], data={"secret": ""})
    elif way == "token":
        factories.make_token(olivia)
    else:
        SocialAccount.objects.create(user=olivia, provider="sign-on", uid="mallory-1")
    held = list(SocialAccount.objects.values_list("uid", flat=True))

    sign_on(client, provider)

    assert who(client) is None
    assert "Sign in to it first, then connect Engine ID" in said(client)
    assert list(SocialAccount.objects.values_list("uid", flat=True)) == held
    olivia.refresh_from_db()
    assert olivia.has_usable_password()


def test_the_sessions_of_an_address_that_was_never_proved_end_with_its_password(
    settings: Any, client: Client, provider: Provider, olivia: User
) -> None:
    configure(settings, provider.issuer, link=True)
    provider.person = ADA | {"email": olivia.email}
    olivia.set_unusable_password()
    olivia.save()
    elsewhere = signed_in(olivia)

    sign_on(client, provider)

    assert who(client) == str(olivia.pk)
    assert elsewhere.get("/account/").status_code == 302


def test_a_second_factor_is_asked_for_as_well(
    client: Client, provider: Provider, olivia: User
) -> None:
    SocialAccount.objects.create(user=olivia, provider="sign-on", uid=ADA["sub"])
    Authenticator.objects.create(user=olivia, type="totp", data={"secret": ""})

    answer = sign_on(client, provider)

    assert answer["Location"] == "/account/login/code/"
    assert who(client) is None


# --- Under Account ---------------------------------------------------------------------------


def test_the_owner_connects_and_disconnects(
    provider: Provider, olivia: User, northwind: Organization
) -> None:
    client = signed_in(olivia)

    assert sign_on(client, provider, process="connect")["Location"] == "/account/security/"
    assert SocialAccount.objects.get().user == olivia
    client.post("/account/security/sign-on/remove/")

    assert not SocialAccount.objects.exists()
    verbs = Event.objects.filter(subject_kind="user").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["user.sign_on_connected", "user.sign_on_disconnected"]


def test_connecting_takes_a_fresh_sign_in(provider: Provider, olivia: User) -> None:
    answer = stale(olivia).post(START, {"process": "connect"})

    assert answer["Location"].startswith("/account/reauthenticate/")
    assert provider.asked == []


def test_whoever_is_signed_in_becomes_nobody_else(
    provider: Provider, olivia: User, sam: User
) -> None:
    SocialAccount.objects.create(user=sam, provider="sign-on", uid=ADA["sub"])
    client = signed_in(olivia)

    sign_on(client, provider)
    sign_on(client, provider, process="connect")

    assert who(client) == str(olivia.pk)
    assert SocialAccount.objects.get().user == sam


def test_whoever_has_no_password_confirms_by_signing_on_again(
    provider: Provider, olivia: User
) -> None:
    SocialAccount.objects.create(user=olivia, provider="sign-on", uid=ADA["sub"])
    olivia.set_unusable_password()
    olivia.save()
    client = stale(olivia)
    held_up = client.get("/account/security/app/")["Location"]
    assert "Continue with Engine ID" in client.get(held_up).content.decode()

    answer = sign_on(client, provider, next="/account/security/app/")

    assert answer["Location"] == "/account/security/app/"
    assert client.get("/account/security/app/").status_code == 200


def test_the_last_way_in_is_not_disconnected(provider: Provider, olivia: User) -> None:
    SocialAccount.objects.create(user=olivia, provider="sign-on", uid=ADA["sub"])
    olivia.set_unusable_password()
    olivia.save()

    signed_in(olivia).post("/account/security/sign-on/remove/")

    assert SocialAccount.objects.exists()


# --- When it goes wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?state=made-up&code=x", "?error=server_error&state=x"])
def test_what_was_not_asked_for_lets_nobody_in(
    client: Client, provider: Provider, query: str
) -> None:
    answer = client.get(f"/account/sign-on/callback/{query}")

    assert "Signing in did not work" in answer.content.decode()
    assert who(client) is None


def test_a_code_that_another_browser_was_given_lets_nobody_in(provider: Provider) -> None:
    """The state belongs to the session that asked, so nobody is signed in to another's account."""
    page = Browser().post(START).content.decode()
    found = re.search(r'content="0; url=([^"]+)"', page)
    assert found
    back = urlsplit(provider.authorize(unescape(found[1])))
    other = Browser()

    other.get(f"{back.path}?{back.query}")

    assert who(other) is None
    assert [path for path in provider.asked if path.endswith("/token")] == []


def test_it_is_not_there_unless_it_is_configured(client: Client, db: None) -> None:
    assert client.post(START).status_code == 404
    assert "sign-on" not in client.get("/account/login/").content.decode()


def test_half_a_configuration_stops_the_start_and_says_what_is_missing() -> None:
    environment = os.environ | {"HYDRA_OIDC_ISSUER": "https://id.example"}

    told = subprocess.run(  # our own interpreter
        [sys.executable, "-c", "import hydra.settings"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode != 0
    assert "HYDRA_OIDC_CLIENT_ID, HYDRA_OIDC_CLIENT_SECRET is missing" in told.stderr


def test_a_locked_account_is_not_entered_from_elsewhere(
    client: Client, provider: Provider, olivia: User
) -> None:
    SocialAccount.objects.create(user=olivia, provider="sign-on", uid=ADA["sub"])
    User.objects.filter(pk=olivia.pk).update(is_active=False)

    sign_on(client, provider)

    assert who(client) is None
    assert client.get("/account/")["Location"].startswith("/account/login/")
