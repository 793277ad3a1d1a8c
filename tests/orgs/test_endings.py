"""Mails before a key or token ends: to whom, how often, and never none at all."""

from __future__ import annotations

import smtplib
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from deployments.services.worker import KINDS
from orgs.models import ApiKey, Event, Membership, Organization, Role, User
from orgs.models.rights import powers_of
from orgs.services import endings, keys, tokens
from orgs.services.credentials import Wish
from tests import factories
from tests.factories import actor_of, make_key, make_token
from tests.together import at_once

HOUR = timedelta(hours=1)


@pytest.fixture
def ends(northwind: Organization) -> datetime:
    return timezone.now() + timedelta(days=90)


@pytest.fixture
def key(northwind: Organization, max: User, ends: datetime) -> ApiKey:
    return make_key(northwind, creator=max, name="ci", expires_at=ends)[0]


def sent_at(moment: datetime) -> list[tuple[str, list[str]]]:
    """What goes out when the worker looks at that time: subject and receivers."""
    mail.outbox.clear()
    with time_machine.travel(moment, tick=False):
        endings.warn_of_endings()
        endings.warn_of_endings()
    return [(str(message.subject), message.to) for message in mail.outbox]


WARNING = [("Northwind: API key “ci” ends soon", ["max@northwind.example"])]


def test_a_key_is_warned_of_fourteen_and_three_days_before(key: ApiKey, ends: datetime) -> None:
    assert sent_at(ends - timedelta(days=14, hours=1)) == []
    assert sent_at(ends - timedelta(days=14) + HOUR) == WARNING
    assert sent_at(ends - timedelta(days=4)) == []
    assert sent_at(ends - timedelta(days=3) + HOUR) == WARNING
    assert sent_at(ends - timedelta(days=1)) == []
    assert sent_at(ends + timedelta(days=1)) == []


def test_the_mail_says_which_when_and_where(key: ApiKey, ends: datetime) -> None:
    sent_at(ends - timedelta(days=13))

    body = str(mail.outbox[0].body)
    assert key.shown in body
    assert f"{ends:%Y, %H:%M} UTC" in body
    assert f"/o/northwind/settings/api-keys/#{key.uid}" in body
    assert "It was never used." in body


def test_the_log_tells_that_somebody_was_warned(key: ApiKey, ends: datetime) -> None:
    sent_at(ends - timedelta(days=13))

    event = Event.objects.get(verb="api_key.warned")
    assert (event.actor_kind, event.subject_uid) == ("system", key.uid)
    assert event.data == {"days": 14, "told": 1}


def test_who_was_away_for_the_first_warning_gets_the_last_one_alone(
    key: ApiKey, ends: datetime
) -> None:
    assert sent_at(ends - timedelta(days=2)) == WARNING
    assert sent_at(ends - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("days", "warned_on"), [(2, []), (3, []), (10, [3]), (14, [3]), (15, [14, 3])]
)
def test_a_short_lived_key_is_warned_of_only_when_that_is_news(
    northwind: Organization, max: User, days: int, warned_on: list[int]
) -> None:
    ends = timezone.now() + timedelta(days=days)
    wish = Wish("ci", expires_at=ends)
    keys.create_key(
        northwind, wish=wish, powers=powers_of(Role.OWNER), by=actor_of(max), creator=max
    )

    assert sent_at(ends - timedelta(days=days) + HOUR) == []
    told = [before for before in (14, 3) if sent_at(ends - timedelta(days=before) + HOUR)]
    assert told == warned_on


def test_an_old_key_that_goes_on_for_a_while_is_warned_of_before_it_ends(
    northwind: Organization, max: User
) -> None:
    key, _ = make_key(northwind, creator=max, name="ci")
    keys.rotate_key(
        key,
        overlap_days=7,
        powers=powers_of(Role.OWNER),
        by=actor_of(max),
        creator=max,
    )
    now = timezone.now()

    assert sent_at(now + HOUR) == []
    assert sent_at(now + timedelta(days=5)) == WARNING
    assert "It has been rotated" in mail.outbox[0].body


@pytest.mark.parametrize("fate", ["gone", "inactive"])
def test_without_its_maker_the_owners_are_told(key: ApiKey, ends: datetime, fate: str) -> None:
    factories.make_member(key.org, Role.OWNER, user=factories.make_user("second@example.org"))
    if fate == "gone":
        Membership.objects.filter(user=key.created_by).delete()
    else:
        User.objects.filter(pk=key.created_by_id).update(is_active=False)

    [(_, receivers)] = sent_at(ends - timedelta(days=1))

    assert sorted(receivers) == ["olivia@northwind.example", "second@example.org"]


def test_a_revoked_key_is_warned_of_no_more(key: ApiKey, ends: datetime, olivia: User) -> None:
    keys.revoke_key(key, by=actor_of(olivia))

    assert sent_at(ends - timedelta(days=1)) == []


def test_a_tokens_person_is_warned(max: User) -> None:
    ends = timezone.now() + timedelta(days=90)
    make_token(max, expires_at=ends)

    sent = [sent_at(ends - timedelta(days=before)) for before in (13, 2)]

    assert sent == [[("Personal token “laptop” ends soon", ["max@northwind.example"])]] * 2
    assert Event.objects.filter(verb="token.warned").count() == 2


def test_a_revoked_token_is_warned_of_no_more(max: User) -> None:
    ends = timezone.now() + timedelta(days=90)
    token, _ = make_token(max, expires_at=ends)
    tokens.revoke_token(token, by=actor_of(max))

    assert sent_at(ends - timedelta(days=1)) == []


def test_a_name_of_several_lines_makes_no_headers(northwind: Organization, max: User) -> None:
    ends = timezone.now() + timedelta(days=90)
    key, _ = make_key(northwind, creator=max, expires_at=ends)
    ApiKey.objects.filter(pk=key.pk).update(name="ci\r\nBcc: everybody@example.org")

    [(subject, receivers)] = sent_at(ends - timedelta(days=1))

    assert subject == "Northwind: API key “ci Bcc: everybody@example.org” ends soon"
    assert receivers == ["max@northwind.example"]


def test_the_worker_sends_them() -> None:
    assert endings.warn_of_endings in KINDS["mails"]


# --- When something goes wrong ----------------------------------------------------------------


def failing(error: Exception) -> Any:
    """A mail server that says no."""

    def send_messages(_: EmailBackend, __: object) -> int:
        raise error

    return send_messages


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("no"), smtplib.SMTPRecipientsRefused({}), TimeoutError()]
)
def test_a_mail_that_could_not_be_sent_is_sent_later(
    key: ApiKey, ends: datetime, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    moment = ends - timedelta(days=13)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", failing(error))
        assert sent_at(moment) == []

    assert sent_at(moment + timedelta(minutes=1)) == []  # the claim holds
    assert sent_at(moment + timedelta(minutes=6)) == WARNING


def test_one_refused_receiver_holds_up_nobody_else(
    northwind: Organization, max: User, key: ApiKey, ends: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(northwind, creator=max, name="poison", expires_at=ends - HOUR)
    send = EmailBackend.send_messages

    def picky(backend: EmailBackend, messages: Any) -> int:
        if "poison" in messages[0].subject:
            raise smtplib.SMTPRecipientsRefused({})
        return send(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", picky)

    assert sent_at(ends - timedelta(days=13)) == WARNING


class Died(BaseException):
    """The process ends here."""


def test_who_dies_after_sending_sends_it_at_worst_twice(
    key: ApiKey, ends: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = ends - timedelta(days=13)

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch, time_machine.travel(moment, tick=False):
        patch.setattr(endings, "note", die)
        with pytest.raises(Died):
            endings.warn_of_endings()
    assert len(mail.outbox) == 1

    assert sent_at(moment + timedelta(minutes=1)) == []
    assert sent_at(moment + timedelta(minutes=6)) == WARNING
    assert sent_at(moment + timedelta(minutes=12)) == []


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_at_once_one_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    org = factories.make_org()
    make_key(org, expires_at=timezone.now() + timedelta(days=2))
    sent, lock = [], threading.Lock()

    def slowly(_: EmailBackend, messages: Any) -> int:
        with lock:
            sent.append(messages[0].subject)
        return 1

    monkeypatch.setattr(EmailBackend, "send_messages", slowly)

    counts = at_once(4, lambda _: endings.warn_of_endings())

    assert sum(counts) == len(sent) == 1
