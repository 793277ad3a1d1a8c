"""What somebody at the door tries who has no business inside."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as configured
from django.core import mail
from django.test import Client

from hydra import throttle
from hydra.sessions import SessionStore
from orgs.models import BrowserSession, Organization, User
from tests import factories
from tests.conftest import Browser, signed_in, stale
from tests.orgs.test_accounts import sign_up, who
from tests.orgs.test_accounts_door import ABROAD, try_in
from tests.orgs.test_accounts_security import NEW, sign_in

ELSEWHERE = (
    "//evil.example/",
    "https://evil.example/",
    "https:evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\thttps://evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
)


# --- Open redirects -----------------------------------------------------------------------------


def is_ours(address: str) -> bool:
    return address.startswith("/") and not urlsplit(address.replace("\\", "/")).netloc


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_nobody_is_led_elsewhere_after_signing_in_out_or_confirming(
    olivia: User, elsewhere: str
) -> None:
    typed = {"login": olivia.email, "password": factories.PASSWORD, "next": elsewhere}
    answers = [
        Browser().post("/account/login/", typed),
        Browser().post("/account/login/", typed, query_params={"next": elsewhere}),
        stale(olivia).post("/account/reauthenticate/", typed),
        signed_in(olivia).get("/account/login/", {"next": elsewhere}),
        signed_in(olivia).post("/account/logout/", {"next": elsewhere}),
        Browser().post("/account/password/", {"email": olivia.email, "next": elsewhere}),
    ]

    for answer in answers:
        assert answer.status_code == 302
        assert is_ours(answer["Location"]), answer["Location"]
        assert "evil" not in answer["Location"]


# --- Signing out, and in, for somebody else ------------------------------------------------------


def test_no_other_site_signs_anybody_out_or_in(olivia: User, sam: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olivia)

    out = strict.post("/account/logout/", headers={"origin": "https://evil.example"})
    looked_at = strict.get("/account/logout/")
    into = strict.post("/account/login/", {"login": sam.email, "password": factories.PASSWORD})
    ended = strict.post("/account/sessions/end/")

    assert (out.status_code, looked_at.status_code) == (403, 200)
    assert (into.status_code, ended.status_code) == (403, 403)
    assert who(strict) == str(olivia.pk)


def test_the_key_of_a_browser_that_signed_out_is_worth_nothing(olivia: User) -> None:
    client = Browser()
    sign_in(client, olivia)
    key = client.cookies["hydra_session"].value

    client.post("/account/logout/")

    thief = Browser()
    thief.cookies["hydra_session"] = key
    assert thief.get("/account/").status_code == 302
    assert not SessionStore().exists(key)


# --- Guessing -----------------------------------------------------------------------------------


def test_no_spelling_of_the_address_or_header_makes_tries_free(olivia: User) -> None:
    host = "northwind.example"
    spellings = (f"olivia@{host}", f"OLIVIA@{host}", f" Olivia@{host.upper()} ")
    with time_machine.travel(time.time(), tick=False):
        for number in range(throttle.FREE_TRIES):
            Browser(
                REMOTE_ADDR=ABROAD,
                HTTP_X_FORWARDED_FOR=f"203.0.113.{number}",
                HTTP_X_REAL_IP=f"203.0.113.{number}",
                HTTP_FORWARDED=f"for=203.0.113.{number}",
                HTTP_USER_AGENT=f"browser {number}",
            ).post("/account/login/", {"login": spellings[number % 3], "password": "wrong"})

        client, page = try_in(olivia.email, factories.PASSWORD, at=ABROAD)

    assert "Too many failed attempts" in page
    assert who(client) is None


@pytest.mark.parametrize("lookalike", ["ol\u0131via", "OLIV\u0130A", "olivi\uff41"])
def test_an_address_that_looks_like_another_is_another(olivia: User, lookalike: str) -> None:
    client, _ = try_in(f"{lookalike}@northwind.example", factories.PASSWORD)

    assert who(client) is None


def test_guessing_the_old_password_to_choose_a_new_one_is_slowed_down(
    olivia: User, northwind: Organization
) -> None:
    thief = stale(olivia)
    change = "/account/security/password/"
    with time_machine.travel(time.time(), tick=False):
        for number in range(throttle.FREE_TRIES):
            guess = {"oldpassword": f"guess {number}", "password1": NEW}
            assert thief.post(change, guess).status_code == 422

        answer = thief.post(change, {"oldpassword": factories.PASSWORD, "password1": NEW})

    assert "Too many failed attempts" in answer.content.decode()
    olivia.refresh_from_db()
    assert olivia.check_password(factories.PASSWORD)


# --- Mails --------------------------------------------------------------------------------------


def test_no_mail_leads_to_the_host_that_somebody_asked_with(
    client: Browser, uma: User, settings: object
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # type: ignore[attr-defined]  # pytest-django's
    client.defaults["HTTP_HOST"] = "localhost"
    client.defaults["HTTP_X_FORWARDED_HOST"] = "evil.example"

    sign_up(client, email="new@northwind.example")
    sign_up(Browser(HTTP_HOST="localhost"), email=uma.email)
    client.post("/account/password/", {"email": uma.email})
    client.post("/account/password/", {"email": "nobody@northwind.example"})

    links = re.findall(r"http\S+", " ".join(str(message.body) for message in mail.outbox))
    assert len(mail.outbox) == 4
    assert {f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" for link in links} == {
        configured.HYDRA_URL
    }


# --- Filling the tables -------------------------------------------------------------------------


def test_what_nobody_is_signed_in_to_is_kept_for_an_hour(olivia: User) -> None:
    passing = SessionStore()
    passing["socialaccount_states"] = {"x": 1}
    passing.save()
    sign_in(Browser(), olivia)

    left = {
        row.is_signed_in: (row.expires_at - row.created_at).total_seconds()
        for row in BrowserSession.objects.all()
    }

    assert 3590 < left[False] < 3610
    assert left[True] > 13 * 24 * 3600
