"""The way back in for whoever forgot their password."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orgs.models import User
from tests import factories
from tests.conftest import Browser, signed_in

NEW = "the second sentence I chose"


def ask(client: Client, email: str) -> Any:
    return client.post("/account/password/", {"email": email})


def link() -> str:
    """The path of the link in the one mail that asks for a new password."""
    [message] = [mail for mail in mail.outbox if mail.subject.startswith("Choose")]
    address = re.search(r"http\S+", str(message.body))
    assert address is not None
    assert address[0].startswith(f"{settings.HYDRA_URL}/account/password/")
    return address[0].removeprefix(settings.HYDRA_URL)


def opened(client: Client) -> str:
    """Where the link leads to: the same page, without the secret in its address."""
    answer = client.get(link())
    assert answer.status_code == 302
    assert answer["Location"].endswith("/set-password/")
    return str(answer["Location"])


def test_the_sign_in_page_shows_the_way(client: Client, db: None) -> None:
    assert 'href="/account/password/"' in client.get("/account/login/").content.decode()


def test_a_link_by_mail_leads_to_a_new_password(client: Client, uma: User) -> None:
    assert ask(client, "UMA@northwind.example")["Location"] == "/account/password/sent/"
    page = opened(client)
    assert "uma@northwind.example" in client.get(page).content.decode()

    answer = client.post(page, {"password1": NEW})

    assert answer["Location"] == "/account/password/changed/"
    assert client.get("/account/password/changed/").status_code == 200
    uma.refresh_from_db()
    assert uma.check_password(NEW)
    typed = {"login": "uma@northwind.example", "password": NEW}
    assert client.post("/account/login/", typed)["Location"] == "/"


def test_the_link_goes_to_the_public_address_whatever_host_was_asked(
    client: Client, uma: User
) -> None:
    client.post("/account/password/", {"email": uma.email}, headers={"host": "localhost"})

    assert link()


def test_the_link_works_once(client: Client, uma: User) -> None:
    ask(client, uma.email)
    client.post(opened(client), {"password1": NEW})

    answer = Client().get(link())

    assert "This link does not work any more" in answer.content.decode()
    assert client.post(link(), {"password1": "a third sentence to choose"}).status_code == 200
    uma.refresh_from_db()
    assert uma.check_password(NEW)


@pytest.mark.parametrize("path", ["1/nobody-was-sent-this", "zzz/set-password", "-/x"])
def test_a_made_up_link_changes_nothing(client: Client, uma: User, path: str) -> None:
    before = uma.password

    answer = client.post(f"/account/password/{path}/", {"password1": NEW})

    assert "This link does not work any more" in answer.content.decode()
    uma.refresh_from_db()
    assert uma.password == before


def test_a_new_password_ends_the_sessions_of_the_old_one(client: Client, uma: User) -> None:
    elsewhere = signed_in(uma)
    assert elsewhere.get("/account/").status_code == 200
    ask(client, uma.email)

    client.post(opened(client), {"password1": NEW})

    assert elsewhere.get("/account/").status_code == 302


def test_a_password_that_is_too_short_is_refused_at_its_field(client: Client, uma: User) -> None:
    ask(client, uma.email)

    answer = client.post(opened(client), {"password1": "short"})

    assert 'aria-invalid="true"' in answer.content.decode()
    uma.refresh_from_db()
    assert not uma.check_password("short")


def test_nobody_learns_whether_there_is_an_account(client: Client, uma: User) -> None:
    known = ask(client, uma.email)
    unknown = ask(client, "nobody@northwind.example")

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [[uma.email], ["nobody@northwind.example"]]
    assert "http" not in str(mail.outbox[1].body)


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_is_said_and_what_was_typed_is_kept(
    client: Client, uma: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_backend: EmailBackend, _messages: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)

    answer = ask(client, uma.email).content.decode()

    assert "The mail could not be sent." in answer
    assert 'value="uma@northwind.example"' in answer


# --- As much work for a stranger as for somebody with an account -------------------------------


def work_of(email: str) -> tuple[list[str], Counter[str]]:
    """What is asked of the database, and which functions are called how often, for a reset."""
    client = Browser()
    client.get("/account/password/")
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            code = frame.f_code
            calls[f"{Path(code.co_filename).parent.name}/{code.co_qualname}"] += 1

    with CaptureQueriesContext(connection) as asked:
        sys.setprofile(count)
        try:
            ask(client, email)
        finally:
            sys.setprofile(None)
    # Numbers and names apart, which differ with the addresses.
    return [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in asked], calls


def test_a_reset_takes_as_much_work_whether_there_is_an_account_or_not(uma: User) -> None:
    unknown_address = "ulf@northwind.example"
    for warm_up in (uma.email, unknown_address):
        work_of(warm_up)

    (known, known_calls), (unknown, unknown_calls) = work_of(uma.email), work_of(unknown_address)

    assert known == unknown
    assert known_calls["auth/PasswordResetTokenGenerator.make_token"] == 1
    differing = (known_calls - unknown_calls) + (unknown_calls - known_calls)
    assert differing.total() < known_calls.total() * 0.02, differing


def test_the_link_goes_to_the_address_of_the_account_not_to_one_that_looks_like_it(
    client: Client, db: None
) -> None:
    mike = factories.make_user("mike@northwind.example", name="Mike")

    ask(client, "m\u0131ke@northwind.example")  # a dotless i, whose capital is a plain I
    ask(client, "MIKE@northwind.example")

    assert [mail.to for mail in mail.outbox if "http" in str(mail.body)] == [[mike.email]]
