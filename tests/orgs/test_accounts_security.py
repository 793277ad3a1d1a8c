"""Two-factor, recovery codes, sessions, the password: what people do under Account."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.test import Client

from orgs.models import BrowserSession, Event, Organization, User
from tests import factories
from tests.conftest import Browser, signed_in, stale

NEW = "the second sentence I chose"


def code_of(secret: str) -> str:
    """What an app shows for this key at the moment."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def set_up(client: Client) -> str:
    """Switch two-factor on; the key that the page showed."""
    secret: str = client.get("/account/security/app/").context["form"].secret
    answer = client.post("/account/security/app/", {"code": code_of(secret)})
    assert answer["Location"] == "/account/security/codes/"
    return secret


def sign_in(client: Client, user: User, password: str = factories.PASSWORD) -> Any:
    return client.post("/account/login/", {"login": user.email, "password": password})


def who(client: Client) -> str | None:
    found: str | None = client.session.get("_auth_user_id")
    return found


def told(verb: str) -> list[str]:
    """Which organizations heard of it."""
    return list(
        Event.objects.filter(verb=verb).order_by("org__slug").values_list("org__slug", flat=True)
    )


@pytest.fixture
def olivia_of_two(olivia: User, northwind: Organization, southwind: Organization) -> User:
    return factories.make_member(southwind, user=olivia)


def test_an_app_is_set_up_with_the_key_that_the_page_shows(olivia_of_two: User) -> None:
    client = signed_in(olivia_of_two)

    page = client.get("/account/security/app/")
    secret = page.context["form"].secret
    client.post("/account/security/app/", {"code": code_of(secret)})

    assert secret in page.content.decode()
    assert "data:image/svg+xml;base64," in page.content.decode()
    assert olivia_of_two.has_two_factor()
    assert told("user.two_factor_enabled") == ["northwind", "southwind"]
    [message] = mail.outbox
    assert (message.to, message.subject) == (
        [olivia_of_two.email],
        "Two-factor authentication is on",
    )
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored


def test_a_wrong_code_switches_nothing_on_and_keeps_the_key(olivia: User) -> None:
    client = signed_in(olivia)
    secret = client.get("/account/security/app/").context["form"].secret

    answer = client.post("/account/security/app/", {"code": "000000"})

    assert answer.status_code == 422
    assert answer.context["form"].secret == secret
    assert not olivia.has_two_factor()
    assert not mail.outbox


def test_signing_in_asks_for_the_code_and_then_lets_in(olivia: User) -> None:
    secret = set_up(signed_in(olivia))
    client = Browser()

    with time_machine.travel(time.time() + 60):
        asked = sign_in(client, olivia)
        assert asked["Location"] == "/account/login/code/"
        assert who(client) is None
        wrong = client.post("/account/login/code/", {"code": "000000"})
        assert (wrong.status_code, who(client)) == (422, None)
        client.post("/account/login/code/", {"code": code_of(secret)})

    assert who(client) == str(olivia.pk)


def test_a_code_is_good_once(olivia: User) -> None:
    secret = set_up(signed_in(olivia))
    first, second = Browser(), Browser()

    with time_machine.travel(time.time() + 60):
        for client in (first, second):
            sign_in(client, olivia)
            client.post("/account/login/code/", {"code": code_of(secret)})

    assert (who(first), who(second)) == (str(olivia.pk), None)


def test_a_recovery_code_lets_in_once(olivia: User) -> None:
    client = signed_in(olivia)
    set_up(client)
    shown = client.get("/account/security/codes/").context["unused_codes"]
    first, second = Browser(), Browser()

    for stranger in (first, second):
        sign_in(stranger, olivia)
        stranger.post("/account/login/code/", {"code": shown[0]})

    assert len(shown) == 10
    assert (who(first), who(second)) == (str(olivia.pk), None)
    downloaded = client.get("/account/security/codes/download/")
    assert shown[1] in downloaded.content.decode()
    assert shown[0] not in downloaded.content.decode()
    assert "attachment" in downloaded["Content-Disposition"]


def test_new_recovery_codes_end_the_old_ones(olivia: User, northwind: Organization) -> None:
    client = signed_in(olivia)
    set_up(client)
    old = client.get("/account/security/codes/").context["unused_codes"]

    client.post("/account/security/codes/new/")

    assert not set(old) & set(client.get("/account/security/codes/").context["unused_codes"])
    assert told("user.recovery_codes_renewed") == ["northwind"]


def test_switching_it_off_takes_a_fresh_sign_in(olivia: User, northwind: Organization) -> None:
    set_up(signed_in(olivia))

    held_up = stale(olivia).post("/account/security/app/remove/")
    assert held_up["Location"].startswith("/account/reauthenticate/")
    assert olivia.has_two_factor()
    signed_in(olivia).post("/account/security/app/remove/")

    assert not olivia.has_two_factor()
    assert not Authenticator.objects.exists()  # recovery codes stand in for nothing now
    assert told("user.two_factor_disabled") == ["northwind"]


def test_a_code_confirms_as_a_password_does(olivia: User) -> None:
    secret = set_up(signed_in(olivia))
    client = stale(olivia)

    with time_machine.travel(time.time() + 60):
        client = stale(olivia)
        answer = client.post(
            "/account/reauthenticate/code/",
            {"code": code_of(secret), "next": "/account/security/codes/"},
        )
        assert answer["Location"] == "/account/security/codes/"
        assert client.get("/account/security/codes/").status_code == 200


def test_guessing_codes_is_slowed_down(olivia: User) -> None:
    secret = set_up(signed_in(olivia))
    client = Browser()
    with time_machine.travel(time.time() + 60, tick=False):
        sign_in(client, olivia)
        for _ in range(5):
            client.post("/account/login/code/", {"code": "000000"})

        answer = client.post("/account/login/code/", {"code": code_of(secret)})

    assert "Too many failed attempts. Try again in 2 seconds." in answer.content.decode()
    assert who(client) is None


# --- The password ------------------------------------------------------------------------------


def test_a_new_password_wants_the_old_one_and_ends_other_sessions(
    olivia: User, northwind: Organization
) -> None:
    client, elsewhere = signed_in(olivia), signed_in(olivia)

    wrong = client.post("/account/security/password/", {"oldpassword": "no", "password1": NEW})
    right = client.post(
        "/account/security/password/", {"oldpassword": factories.PASSWORD, "password1": NEW}
    )

    assert wrong.status_code == 422
    assert right["Location"] == "/account/security/"
    olivia.refresh_from_db()
    assert olivia.check_password(NEW)
    assert client.get("/account/security/").status_code == 200
    assert elsewhere.get("/account/security/").status_code == 302
    assert told("user.password_changed") == ["northwind"]
    assert [message.subject for message in mail.outbox] == ["Your password at Hydra was changed"]
    assert NEW not in str(list(Event.objects.values_list("data", flat=True)))


def test_a_mail_that_cannot_be_sent_stops_no_change(
    olivia: User, northwind: Organization, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    answer = signed_in(olivia).post(
        "/account/security/password/", {"oldpassword": factories.PASSWORD, "password1": NEW}
    )

    assert answer.status_code == 302
    olivia.refresh_from_db()
    assert olivia.check_password(NEW)


# --- Sessions ----------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_one_by_one(olivia: User, northwind: Organization) -> None:
    here, there = Browser(HTTP_USER_AGENT="Mozilla Firefox/140 (X11; Linux)"), Browser()
    sign_in(here, olivia)
    sign_in(there, olivia)
    page = here.get("/account/sessions/").content.decode()
    other = BrowserSession.objects.kept_by(there.session.session_key).get()

    answer = here.post(f"/account/sessions/{other.pk}/end/")

    assert page.count("This browser") == 1
    assert "Firefox on Linux" in page
    assert answer["Location"] == "/account/sessions/"
    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert told("user.sessions_ended") == ["northwind"]


def test_signing_out_everywhere_else_keeps_this_browser(olivia: User) -> None:
    browsers = [Browser() for _ in range(3)]
    for browser in browsers:
        sign_in(browser, olivia)

    browsers[0].post("/account/sessions/end/", {"keep": "this"})

    assert [browser.get("/account/").status_code for browser in browsers] == [200, 302, 302]


def test_signing_out_everywhere_ends_this_one_too(olivia: User) -> None:
    browsers = [Browser() for _ in range(2)]
    for browser in browsers:
        sign_in(browser, olivia)

    answer = browsers[0].post("/account/sessions/end/")

    assert answer["Location"] == "/account/login/"
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 302]


def test_nobody_ends_the_session_of_somebody_else(olivia: User, sam: User) -> None:
    browser = Browser()
    sign_in(browser, olivia)
    session = BrowserSession.objects.get()

    assert signed_in(sam).post(f"/account/sessions/{session.pk}/end/").status_code == 404
    assert browser.get("/account/").status_code == 200


# --- Passkeys: what needs no browser -------------------------------------------------------------


@pytest.fixture
def passkey(olivia: User) -> Authenticator:
    return Authenticator.objects.create(
        user=olivia, type="webauthn", data={"name": "Laptop", "credential": {}}
    )


def test_a_passkey_is_renamed_and_removed(
    olivia: User, northwind: Organization, passkey: Authenticator
) -> None:
    client = signed_in(olivia)
    place = f"/account/security/passkeys/{passkey.pk}"

    assert "Laptop" in client.get("/account/security/").content.decode()
    client.post(f"{place}/rename/", {"name": "Old laptop"})
    assert "Remove Old laptop" in client.get(f"{place}/remove/").content.decode()
    client.post(f"{place}/remove/")

    assert not Authenticator.objects.exists()
    assert told("user.passkey_removed") == ["northwind"]
    assert [message.subject for message in mail.outbox] == ["A passkey was removed"]


def test_nobody_touches_the_passkey_of_somebody_else(sam: User, passkey: Authenticator) -> None:
    client = signed_in(sam)

    for what in ("rename", "remove"):
        path = f"/account/security/passkeys/{passkey.pk}/{what}/"
        assert client.post(path, {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.get().data["name"] == "Laptop"


@pytest.mark.parametrize("typed", ["", "nonsense", "{}", '{"id": "x"}', "[]"])
def test_a_made_up_passkey_signs_nobody_in_and_is_not_added(olivia: User, typed: str) -> None:
    client = Browser()

    client.post("/account/login/passkey/", {"credential": typed})
    answer = signed_in(olivia).post(
        "/account/security/passkeys/new/", {"name": "x", "credential": typed}
    )

    assert who(client) is None
    assert answer.status_code == 422
    assert not Authenticator.objects.exists()
