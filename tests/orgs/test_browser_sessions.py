"""Sessions at rest: what a copy of the database is worth, and what ends when a session does."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from deployments.services import worker
from hydra.sessions import SessionStore
from orgs.models import SYSTEM, BrowserSession, Event, Organization, User
from orgs.models.sessions import digest_of
from orgs.services import administration
from tests import factories
from tests.conftest import Browser, signed_in
from tests.orgs.test_accounts import who
from tests.orgs.test_accounts_security import NEW, code_of, set_up, sign_in
from tests.orgs.test_passwords import ask, opened
from tests.web.test_canaries import whole_database

COOKIE = "hydra_session"


def key_of(client: Client) -> str:
    return client.cookies[COOKIE].value


def with_key(key: str) -> Browser:
    client = Browser()
    client.cookies[COOKIE] = key
    return client


# --- At rest ---------------------------------------------------------------------------------


def test_a_copy_of_the_database_signs_nobody_in(olivia: User) -> None:
    owner = Browser()
    sign_in(owner, olivia)
    row = BrowserSession.objects.get()

    for stolen in (row.digest, str(bytes(row.content_sealed)), str(row.pk)):
        thief = with_key(stolen)
        assert thief.get("/account/")["Location"].startswith("/account/login/")

    assert key_of(owner) not in whole_database()
    assert with_key(key_of(owner)).get("/account/").status_code == 200


def test_what_passes_through_a_session_is_sealed(olivia: User) -> None:
    client = signed_in(olivia)
    secret = client.get("/account/security/app/").context["form"].secret

    assert client.session["mfa.totp.secret"] == secret
    assert secret not in whole_database()


def test_a_content_that_was_moved_to_another_row_signs_nobody_in(olivia: User) -> None:
    sign_in(Browser(), olivia)
    olivias = BrowserSession.objects.get()
    own = SessionStore()
    own["nothing"] = ""
    own.save()
    BrowserSession.objects.kept_by(own.session_key).update(content_sealed=olivias.content_sealed)

    assert dict(SessionStore(own.session_key).items()) == {}
    assert with_key(str(own.session_key)).get("/account/").status_code == 302


def test_whose_encryption_key_was_retired_signs_in_again(olivia: User, settings: Any) -> None:
    client = Browser()
    sign_in(client, olivia)

    settings.HYDRA_ENCRYPTION_KEYS = {"new": b"k" * 32}

    assert client.get("/account/")["Location"].startswith("/account/login/")
    sign_in(client, olivia)
    assert client.get("/account/").status_code == 200


def test_a_key_that_a_stranger_planted_is_worth_nothing_after_signing_in(olivia: User) -> None:
    planted = SessionStore()
    planted["planted"] = True
    planted.save()
    client = with_key(str(planted.session_key))

    sign_in(client, olivia)

    assert key_of(client) != planted.session_key
    assert with_key(str(planted.session_key)).get("/account/").status_code == 302
    made_up = with_key("a" * 32)
    sign_in(made_up, olivia)
    assert key_of(made_up) != "a" * 32


def test_a_session_that_was_ended_meanwhile_is_not_written_back(olivia: User) -> None:
    sign_in(client := Browser(), olivia)
    in_flight = SessionStore(key_of(client))
    in_flight["something"] = "new"

    BrowserSession.objects.of(olivia).delete()

    with pytest.raises(UpdateError):
        in_flight.save()
    assert not BrowserSession.objects.exists()


def test_sessions_that_are_over_let_nobody_in_and_are_forgotten(olivia: User) -> None:
    early, late = Browser(), Browser()
    sign_in(early, olivia)
    sign_in(late, olivia)
    past = timezone.now() - timedelta(seconds=1)
    BrowserSession.objects.kept_by(key_of(early)).update(expires_at=past)

    assert early.get("/account/").status_code == 302
    worker.run_due("housekeeping")

    assert [row.digest for row in BrowserSession.objects.all()] == [digest_of(key_of(late))]
    assert late.get("/account/").status_code == 200


# --- A sign-in that is not finished ------------------------------------------------------------


@pytest.fixture
def secret(olivia: User, northwind: Organization) -> str:
    return set_up(signed_in(olivia))


def half_way(user: User) -> Client:
    """A browser that gave the password and is asked for the code."""
    client = Browser()
    assert sign_in(client, user)["Location"] == "/account/login/code/"
    return client


def finish(client: Client, secret: str) -> str | None:
    with time_machine.travel(time.time() + 60):
        client.post("/account/login/code/", {"code": code_of(secret)})
    return who(client)


def test_without_anything_between_it_is_finished(olivia: User, secret: str) -> None:
    assert finish(half_way(olivia), secret) == str(olivia.pk)


@pytest.mark.parametrize("keep", ["this", ""])
def test_signing_out_everywhere_ends_it(olivia: User, secret: str, keep: str) -> None:
    begun = half_way(olivia)

    signed_in(olivia).post("/account/sessions/end/", {"keep": keep})

    assert finish(begun, secret) is None
    assert begun.get("/account/login/code/")["Location"] == "/account/login/"


def test_a_new_password_ends_it(olivia: User, secret: str) -> None:
    begun = half_way(olivia)
    client = signed_in(olivia)

    client.post(
        "/account/security/password/", {"oldpassword": factories.PASSWORD, "password1": NEW}
    )

    assert finish(begun, secret) is None
    assert client.get("/account/").status_code == 200


def test_a_password_by_mail_ends_it(olivia: User, secret: str) -> None:
    begun, stranger = half_way(olivia), Browser()
    ask(stranger, olivia.email)

    stranger.post(opened(stranger), {"password1": NEW})

    assert finish(begun, secret) is None


def test_a_password_by_mail_in_a_browser_that_is_signed_in_signs_it_out(olivia: User) -> None:
    client = Browser()
    sign_in(client, olivia)
    ask(client, olivia.email)

    answer = client.post(opened(client), {"password1": NEW})

    assert answer["Location"] == "/account/password/changed/"
    assert client.get("/account/").status_code == 302
    assert not BrowserSession.objects.of(olivia).exists()


def test_a_locked_account_ends_it_for_good(olivia: User, secret: str) -> None:
    begun = half_way(olivia)

    for is_active in (False, True):
        administration.change_user(olivia, is_active=is_active, is_staff=False, by=SYSTEM)

    assert finish(begun, secret) is None


def test_it_is_not_listed_as_signed_in_and_nobody_elses_ends(
    olivia: User, sam: User, secret: str
) -> None:
    Authenticator.objects.create(user=sam, type="totp", data={"secret": ""})
    half_way(olivia)
    sams = half_way(sam)
    client = signed_in(olivia)
    Event.objects.filter(verb="user.sessions_ended").delete()

    page = client.get("/account/sessions/").content.decode()
    client.post("/account/sessions/end/", {"keep": "this"})

    assert page.count("signed in ") == 2  # where it was set up, and this one
    assert Event.objects.get(verb="user.sessions_ended").data == {"sessions": 1}
    assert sams.get("/account/login/code/").status_code == 200
