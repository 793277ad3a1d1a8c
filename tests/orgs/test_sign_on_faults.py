"""Providers that lie, or that somebody stands before: nobody gets in by what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from orgs.models import User
from tests.conftest import Browser
from tests.identity.provider import SECRET
from tests.orgs import oidc_provider
from tests.orgs.oidc_provider import LyingProvider, key_pair
from tests.orgs.sign_on import ADA, START, configure, said, sign_on
from tests.orgs.test_accounts import who

ANOTHER = "http://127.0.0.1:9"


@pytest.fixture
def liar(settings: Any, db: None) -> Iterator[LyingProvider]:
    with oidc_provider.running(ADA) as provider:
        configure(settings, provider.issuer)
        yield provider


@pytest.fixture
def ada(liar: LyingProvider, olivia: User) -> User:
    """Olivia, whom the provider calls ada-1."""
    SocialAccount.objects.create(user=olivia, provider="sign-on", uid=ADA["sub"])
    return olivia


def test_an_honest_one_lets_her_in(liar: LyingProvider, ada: User) -> None:
    sign_on(client := Browser(), liar)

    assert who(client) == str(ada.pk)


def test_clocks_may_differ_by_a_little(liar: LyingProvider, ada: User) -> None:
    liar.claims = {"iat": int(time.time()) + 20}

    sign_on(client := Browser(), liar)

    assert who(client) == str(ada.pk)


def test_one_that_signs_with_the_clients_secret_is_believed_if_it_is_the_secret(
    liar: LyingProvider, ada: User
) -> None:
    liar.sign = {"key": SECRET, "algorithm": "HS256"}

    sign_on(client := Browser(), liar)

    assert who(client) == str(ada.pk)


def claims(**changed: Any) -> Callable[[LyingProvider], None]:
    return lambda liar: liar.claims.update(changed)


def described(**changed: Any) -> Callable[[LyingProvider], None]:
    return lambda liar: liar.described.update(changed)


def signed(**how: Any) -> Callable[[LyingProvider], None]:
    return lambda liar: liar.sign.update(how)


LIES: dict[str, Callable[[LyingProvider], None]] = {
    "a signature by another key": signed(key=key_pair("another")),
    "a signature by another secret": signed(key="not the secret " * 4, algorithm="HS256"),
    "no signature": signed(key=None, algorithm="none"),
    "the wrong nonce": claims(nonce="of another sign-in"),
    "no nonce": claims(nonce=None),
    "the wrong issuer": claims(iss=ANOTHER),
    "for another client": claims(aud="somebody else"),
    "for nobody": claims(aud=None),
    "too old": claims(exp=1_000_000_000),
    "for ever": claims(exp=None),
    "of nobody": claims(sub=None),
    "of another person": claims(sub="mallory-1"),
    "somebody else described": described(sub="mallory-1"),
    "nobody described": described(sub=None),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_lets_nobody_in(liar: LyingProvider, ada: User, lie: str) -> None:
    LIES[lie](liar)

    sign_on(client := Browser(), liar)

    assert who(client) is None
    assert SocialAccount.objects.get().user == ada


def test_a_provider_that_says_it_is_another_lets_nobody_in(liar: LyingProvider, ada: User) -> None:
    liar.issuer_said = ANOTHER
    liar.claims = {"iss": ANOTHER}

    sign_on(client := Browser(), liar)

    assert who(client) is None


@pytest.mark.parametrize("word", ["false", "no", 1, ["true"]])
def test_an_address_is_vouched_for_by_true_alone(
    settings: Any, liar: LyingProvider, olivia: User, word: Any
) -> None:
    configure(settings, liar.issuer, link=True)
    liar.described = {"email": olivia.email, "email_verified": word}

    sign_on(client := Browser(), liar)

    assert who(client) is None
    assert not SocialAccount.objects.exists()
    assert "Engine ID does not vouch for your e-mail address" in said(client)


def test_nobody_makes_hydra_ask_the_provider_all_day(client: Client, liar: LyingProvider) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        answers = [client.post(START).status_code for _ in range(31)]
        clock.shift(61)
        later = client.post(START).status_code

    assert answers == [200] * 30 + [429]
    assert later == 200


def test_a_provider_that_is_away_is_said(
    client: Client, liar: LyingProvider, settings: Any
) -> None:
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
    liar.is_silent = True

    answer = client.post(START)

    assert answer["Location"] == "/account/login/"
    assert "Engine ID does not answer." in said(client)
