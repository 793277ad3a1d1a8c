"""Signing on with OpenID Connect: who gets in, who is connected, and who is not taken over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as project
from django.core import mail
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from orgs.models import Event, Membership, Organization, User
from tests import factories
from tests.conftest import Browser, signed_in, stale
from tests.identity import provider as identity_provider
from tests.identity.provider import CLIENT, PASSWORD, SECRET, Provider, submit, visit
from tests.orgs.oidc_provider import LyingProvider
from tests.orgs.test_accounts import who

START = "/account/sign-on/"
ADA: dict[str, Any] = {
    "sub": "ada-1",
    "email": "ada@engine.example",
    "email_verified": True,
    "name": "Ada L.",
}


def configure(settings: Any, issuer: str, *, link: bool = False) -> None:
    settings.HYDRA_OIDC_ISSUER, settings.HYDRA_OIDC_NAME = issuer, "Engine ID"
    providers: dict[str, Any] = deepcopy(project.SOCIALACCOUNT_PROVIDERS)
    providers["openid_connect"]["APPS"][0] |= {
        "name": "Engine ID",
        "client_id": CLIENT,
        "secret": SECRET,
        "settings": {"server_url": issuer, "email_authentication": link},
    }
    settings.SOCIALACCOUNT_PROVIDERS = providers


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with identity_provider.running(tmp_path_factory.mktemp("identity")) as provider:
        yield provider


@pytest.fixture
def provider(settings: Any, db: None, identity: Provider) -> Provider:
    identity.begin("http://testserver/account/sign-on/callback/")
    identity.person = ADA
    configure(settings, identity.issuer)
    return identity


def sign_on(client: Client, provider: Provider | LyingProvider, **typed: str) -> Any:
    """There and back: what Hydra answers to whom the provider sends."""
    page = client.post(START, typed).content.decode()
    found = re.search(r'content="0; url=([^"]+)"', page)
    assert found, page
    back = urlsplit(provider.authorize(unescape(found[1])))
    assert back.path == "/account/sign-on/callback/"
    return client.get(f"{back.path}?{back.query}")


def said(client: Client) -> str:
    """What the next page says to whoever was turned away."""
    return unescape(client.get("/account/login/").content.decode())


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


# --- On the wire -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_browser_goes_there_signs_in_agrees_and_is_signed_in_here(
    live_server: LiveServer, settings: Any, identity: Provider
) -> None:
    identity.begin(f"{live_server.url}/account/sign-on/callback/")
    identity.person = ADA
    identity.meet()
    configure(settings, identity.issuer)
    with httpx.Client() as browser:
        door = browser.get(f"{live_server.url}/account/login/")
        leaving = submit(browser, door, to="/account/sign-on/")
        address = unescape(re.findall(r'content="0; url=([^"]+)"', leaving.text)[0])
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert min(len(asked[word]) for word in ("code_challenge", "state", "nonce")) >= 16

        back = visit(browser, address, login=ADA["sub"])
        assert "Ada" not in back
        place = browser.get(back, follow_redirects=True)
        browser_in = submit(browser, place, name="Ada", organization="Engines")
        assert browser_in.is_redirect
        account = browser.get(f"{live_server.url}/account/")

    assert account.status_code == 200
    assert "Engines" in account.text
    assert SocialAccount.objects.get().uid == ADA["sub"]
    assert [path for path in identity.asked if path.endswith("/jwks.json")] != []


def test_a_code_that_somebody_saw_is_worth_nothing_without_the_verifier(
    provider: Provider,
) -> None:
    page = Browser().post(START).content.decode()
    back = provider.authorize(unescape(re.findall(r'content="0; url=([^"]+)"', page)[0]))
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": "http://testserver/account/sign-on/callback/",
    }

    for more in ({}, {"code_verifier": "x" * 64}):
        answer = httpx.post(f"{provider.issuer}/identity/o/api/token", data=form | more)
        assert (answer.status_code, "access_token" in answer.text) == (400, False)


def test_whoever_does_not_agree_there_is_not_signed_in_here(
    client: Client, provider: Provider
) -> None:
    page = client.post(START).content.decode()
    address = unescape(re.findall(r'content="0; url=([^"]+)"', page)[0])
    back = urlsplit(provider.authorize(address, action="cancel"))

    answer = client.get(f"{back.path}?{back.query}", follow=True)

    assert "You did not sign in with Engine ID." in unescape(answer.content.decode())
    assert who(client) is None


def test_a_provider_sends_nobody_to_another_address_than_ours(provider: Provider) -> None:
    """Whoever asks with another host gets no code: the provider knows where Hydra lives."""
    page = Browser().post(START, headers={"host": "localhost"}).content.decode()
    address = unescape(re.findall(r'content="0; url=([^"]+)"', page)[0])
    provider.meet()

    with httpx.Client() as browser:
        there = browser.get(address, follow_redirects=True)
        refused = submit(browser, there, login=ADA["sub"], password=PASSWORD)
        answer = browser.get(f"{provider.issuer}{refused.headers['Location']}")

    assert "redirect" in answer.text.lower()
    assert "code=" not in answer.headers.get("Location", "")
