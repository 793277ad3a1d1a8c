"""Signing on over real sockets: a browser, Hydra and a provider that is not ours."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.conftest import Browser
from tests.identity.provider import CLIENT, PASSWORD, SECRET, Provider, submit, visit
from tests.orgs.sign_on import ADA, START, configure
from tests.orgs.test_accounts import who


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
