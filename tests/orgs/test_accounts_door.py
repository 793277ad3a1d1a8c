"""The door: guesses wait longer and longer, and it tells nobody who has an account."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client

from hydra import throttle
from orgs.models import BrowserSession, Membership, Organization, User
from tests import factories
from tests.conftest import Browser
from tests.orgs.test_accounts import sign_up, who

HOME, ABROAD = "192.0.2.10", "198.51.100.20"


def try_in(email: str, password: str, *, at: str = HOME) -> tuple[Client, str]:
    """A browser that tried, and the page it got."""
    client = Browser(REMOTE_ADDR=at)
    answer = client.post("/account/login/", {"login": email, "password": password})
    return client, answer.content.decode()


def is_in(client: Client) -> bool:
    return who(client) is not None


# --- Guessing ------------------------------------------------------------------------------------


def test_each_failure_makes_the_next_try_wait_longer(olivia: User) -> None:
    waits = [throttle.wait_after(failures, free=5) for failures in (1, 4, 5, 6, 7, 13, 14, 500)]

    assert waits == [0, 0, 2, 4, 8, 512, 900, 900]


def test_the_owner_gets_in_once_the_wait_is_over(olivia: User) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        for _ in range(5):
            try_in(olivia.email, "wrong")
        waiting, page = try_in(olivia.email, factories.PASSWORD)
        clock.shift(2)
        late, _ = try_in(olivia.email, factories.PASSWORD)

    assert "Too many failed attempts. Try again in 2 seconds." in page
    assert (is_in(waiting), is_in(late)) == (False, True)


def test_a_guesser_does_not_shut_out_the_owner_elsewhere(olivia: User) -> None:
    with time_machine.travel(time.time(), tick=False):
        for _ in range(8):
            try_in(olivia.email, "wrong", at=ABROAD)
        guesser, _ = try_in(olivia.email, factories.PASSWORD, at=ABROAD)
        owner, _ = try_in(olivia.email, factories.PASSWORD, at=HOME)

    assert (is_in(guesser), is_in(owner)) == (False, True)


def attack(email: str) -> None:
    """Failures from as many addresses as it takes."""
    for number in range(throttle.ATTACK_AFTER):
        throttle.guess_of(f"203.0.113.{number}", "password", email).count()


def test_under_attack_a_strange_network_has_one_try_and_home_has_more(olivia: User) -> None:
    with time_machine.travel(time.time(), tick=False):
        try_in(olivia.email, factories.PASSWORD, at=HOME)
        attack(olivia.email)
        for place in (HOME, ABROAD):
            try_in(olivia.email, "mistyped", at=place)
        at_home, _ = try_in(olivia.email, factories.PASSWORD, at=HOME)
        abroad, page = try_in(olivia.email, factories.PASSWORD, at=ABROAD)

    assert BrowserSession.objects.filter(address=HOME).exists()
    assert (is_in(at_home), is_in(abroad)) == (True, False)
    assert "Try again in 2 seconds" in page


def test_under_attack_the_right_password_gets_in_from_anywhere_at_once(olivia: User) -> None:
    attack(olivia.email)

    client, _ = try_in(olivia.email, factories.PASSWORD, at=ABROAD)

    assert is_in(client)


def test_a_household_is_one_network_however_many_addresses_it_has() -> None:
    same = {throttle.network_of(f"2001:db8:0:12{number}::1") for number in range(10)}

    assert same == {"2001:db8:0:100::"}
    assert throttle.network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert throttle.network_of("192.0.2.1") != throttle.network_of("192.0.2.2")


def test_a_reset_password_ends_the_wait(olivia: User) -> None:
    for _ in range(6):
        try_in(olivia.email, "wrong")
    client = Browser(REMOTE_ADDR=HOME)
    client.post("/account/password/", {"email": olivia.email})
    page = client.get(link("/account/password/"))["Location"]
    client.post(page, {"password1": "the second sentence I chose"})

    again, _ = try_in(olivia.email, "the second sentence I chose")

    assert is_in(again)


def test_known_and_unknown_addresses_wait_alike(olivia: User) -> None:
    with time_machine.travel(time.time(), tick=False):
        pages = {
            email: [plain(try_in(email, "wrong")[1], email) for _ in range(7)]
            for email in (olivia.email, "nobody@northwind.example")
        }

    known, unknown = pages.values()
    assert known == unknown


def plain(page: str, email: str) -> str:
    """A page without what differs between any two requests, and the address that was typed."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
    page = re.sub(r'data-now="[^"]*"', "", page)
    return page.replace(email, "somebody")


# --- Signing up where addresses are proved --------------------------------------------------------


@pytest.fixture
def proving(settings: Any) -> None:
    """A mail server is configured."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def link(below: str) -> str:
    [found] = [
        found
        for message in mail.outbox
        for found in re.findall(r"http\S+", str(message.body))
        if found.startswith(settings.HYDRA_URL + below) and found != settings.HYDRA_URL + below
    ]
    return str(found.removeprefix(settings.HYDRA_URL))


def test_a_new_account_is_let_in_by_the_link_of_its_mail(
    client: Client, db: None, proving: None
) -> None:
    answer = sign_up(client, organization="Engines")
    assert answer["Location"] == "/account/confirm-email/"
    assert who(client) is None
    address = link("/account/confirm-email/")
    assert "ada@engine.example" in client.get(address).content.decode()
    assert not EmailAddress.objects.get().verified

    client.post(address)

    assert EmailAddress.objects.get().verified
    assert who(client) == str(User.objects.get().pk)
    assert Membership.objects.get().org.name == "Engines"


def test_the_link_signs_nobody_in_elsewhere(client: Client, db: None, proving: None) -> None:
    sign_up(client)
    other = Browser()

    other.post(link("/account/confirm-email/"))

    assert who(other) is None
    assert EmailAddress.objects.get().verified


def test_signing_up_with_an_address_that_is_taken_looks_like_any_other(
    olivia: User, northwind: Organization, proving: None
) -> None:
    fresh, taken = Browser(), Browser()
    before = (User.objects.count(), Organization.objects.count())

    answers = [sign_up(fresh), sign_up(taken, email="OLIVIA@northwind.example")]
    pages = [client.get(answers[0]["Location"]) for client in (fresh, taken)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"] == "/account/confirm-email/"
    assert sorted(answers[0].cookies) == sorted(answers[1].cookies)
    assert plain(pages[0].content.decode(), "") == plain(pages[1].content.decode(), "")
    assert (User.objects.count(), Organization.objects.count()) == (before[0] + 1, before[1] + 1)
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["ada@engine.example"], "Confirm your address for Hydra"),
        ([olivia.email], "You have an account at Hydra already"),
    ]
    olivia.refresh_from_db()
    assert (olivia.name, olivia.check_password(factories.PASSWORD)) == ("Olivia Owner", True)


def test_a_bad_code_is_refused_alike_for_both(olivia: User, proving: None) -> None:
    answers = [
        sign_up(Browser(), email=email, invite_code="hyi_nonsense")
        for email in ("ada@engine.example", olivia.email)
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    first, second = (answer.context["form"].errors for answer in answers)
    assert first == second
    assert not mail.outbox


def test_a_good_code_stays_unused_when_the_address_is_taken(
    northwind: Organization, olivia: User, proving: None
) -> None:
    invite, code = factories.make_invite(northwind)

    sign_up(Browser(), email=olivia.email, invite_code=code)

    invite.refresh_from_db()
    assert invite.used_at is None
    assert Membership.objects.in_org(northwind).count() == 1


def test_whoever_has_not_proved_their_address_is_sent_the_link_again(
    olivia: User, proving: None
) -> None:
    client, _ = try_in(olivia.email, factories.PASSWORD)

    assert not is_in(client)
    assert [message.to for message in mail.outbox] == [[olivia.email]]


def test_without_a_mail_server_a_new_account_is_in_at_once(client: Client, db: None) -> None:
    assert sign_up(client)["Location"] == "/"
    assert who(client) is not None
    assert not mail.outbox


def test_a_password_is_hashed_for_an_address_that_has_no_account(
    olivia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time it takes tells nothing: one hash is computed either way."""
    from django.contrib.auth.hashers import MD5PasswordHasher  # noqa: PLC0415

    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    counts = []
    for email in (olivia.email, "nobody@northwind.example"):
        hashed.clear()
        try_in(email, "wrong")
        counts.append(len(hashed))

    assert counts[0] == counts[1] == 1
