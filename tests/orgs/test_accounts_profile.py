"""The name, and the address: the new one counts when its owner has opened the link."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from orgs.models import Event, Organization, User
from tests.conftest import Browser, signed_in, stale

NEW = "olivia@newwind.example"


def ask(client: Client, email: str = NEW) -> None:
    answer = client.post("/account/profile/email/", {"email": email})
    assert answer["Location"] == "/account/profile/"


def link() -> str:
    found = re.search(r"http\S+", str(mail.outbox[0].body))
    assert found
    assert found[0].startswith(f"{settings.HYDRA_URL}/account/profile/email/")
    return found[0].removeprefix(settings.HYDRA_URL)


def test_the_name_is_changed_and_told(olivia: User, northwind: Organization) -> None:
    signed_in(olivia).post("/account/profile/", {"name": " Olivia Newname "})

    olivia.refresh_from_db()
    assert olivia.name == "Olivia Newname"
    event = Event.objects.get(verb="user.name_changed")
    assert (event.org, event.actor_uid, event.subject_uid) == (northwind, olivia.uid, olivia.uid)
    assert event.data == {
        "before": {"name": "Olivia Owner"},
        "after": {"name": "Olivia Newname"},
    }


def test_a_name_is_one_line_and_says_nothing_to_strangers(olivia: User) -> None:
    client = signed_in(olivia)
    lines = client.post("/account/profile/", {"name": "Hello!\r\n\r\nRead https://evil.example/"})
    client.post("/account/profile/", {"name": "Hello!  Read https://evil.example/ now"})

    ask(client)

    olivia.refresh_from_db()
    assert lines.status_code == 422
    assert olivia.name == "Hello! Read https://evil.example/ now"
    assert "evil.example" not in str(mail.outbox[0].body)
    assert "olivia@northwind.example" in str(mail.outbox[0].body)


def test_a_name_that_stays_is_no_event(olivia: User, northwind: Organization) -> None:
    signed_in(olivia).post("/account/profile/", {"name": olivia.name})

    assert not Event.objects.filter(verb="user.name_changed").exists()


def test_an_empty_name_is_refused(olivia: User) -> None:
    assert signed_in(olivia).post("/account/profile/", {"name": " "}).status_code == 422
    olivia.refresh_from_db()
    assert olivia.name == "Olivia Owner"


def test_a_new_address_counts_when_its_link_is_opened(
    olivia: User, northwind: Organization
) -> None:
    client = signed_in(olivia)
    ask(client, NEW.upper())
    assert mail.outbox[0].to == [NEW]
    olivia.refresh_from_db()
    assert olivia.email == "olivia@northwind.example"
    asked = Browser().get(link())  # in whatever browser the mail is read
    assert NEW in asked.content.decode()
    olivia.refresh_from_db()
    assert olivia.email == "olivia@northwind.example"

    Browser().post(link())

    olivia.refresh_from_db()
    assert olivia.email == NEW
    proved = EmailAddress.objects.get()
    assert (proved.email, proved.verified, proved.primary) == (NEW, True, True)
    assert Event.objects.get(verb="user.email_changed").data == {
        "before": {"email": "olivia@northwind.example"},
        "after": {"email": NEW},
    }
    told = mail.outbox[1]
    assert (told.to, told.subject) == (
        ["olivia@northwind.example"],
        "Your e-mail address at Hydra was changed",
    )
    assert client.get("/account/profile/").status_code == 200


@pytest.mark.parametrize("after", ["use", "a new password", "four days", "leaving"])
def test_the_link_is_good_once_and_not_after(olivia: User, after: str) -> None:
    ask(signed_in(olivia))
    moment = timezone.now()
    if after == "use":
        Browser().post(link())
        User.objects.update(email="olivia@third.example")
    elif after == "a new password":
        olivia.set_password("the second sentence I chose")
        olivia.save()
    elif after == "four days":
        moment += timedelta(days=4)
    else:
        User.objects.update(is_active=False)
    before = User.objects.get().email

    with time_machine.travel(moment):
        answer = Browser().post(link())

    assert "This link does not work any more" in answer.content.decode()
    assert User.objects.get().email == before


def test_a_used_link_stays_used_when_the_owner_takes_the_old_address_back(olivia: User) -> None:
    ask(signed_in(olivia))
    used = link()
    Browser().post(used)
    mail.outbox.clear()
    ask(signed_in(User.objects.get()), "olivia@northwind.example")
    Browser().post(link())

    answer = Browser().post(used)

    assert "This link does not work any more" in answer.content.decode()
    assert User.objects.get().email == "olivia@northwind.example"


def test_an_address_of_somebody_else_is_answered_alike_and_not_given(
    olivia: User, sam: User
) -> None:
    client = signed_in(olivia)

    ask(client, sam.email)

    [message] = mail.outbox
    assert (message.to, message.subject) == ([sam.email], "You have an account at Hydra already")


def test_of_two_who_prove_one_address_the_second_reads_why(olivia: User, sam: User) -> None:
    ask(signed_in(olivia))
    User.objects.filter(pk=sam.pk).update(email=NEW)

    answer = Browser().post(link())

    assert "The address was taken meanwhile" in answer.content.decode()
    olivia.refresh_from_db()
    assert olivia.email == "olivia@northwind.example"


def test_changing_the_address_takes_a_fresh_sign_in(olivia: User) -> None:
    answer = stale(olivia).post("/account/profile/email/", {"email": NEW})

    assert answer["Location"].startswith("/account/reauthenticate/")
    assert not mail.outbox


def test_nobody_is_flooded_with_links(olivia: User) -> None:
    client = signed_in(olivia)
    for _ in range(5):
        ask(client)

    answer = client.post("/account/profile/email/", {"email": NEW})

    assert answer.status_code == 422
    assert "Enough links were sent. Try again in" in answer.content.decode()
    assert len(mail.outbox) == 5


def test_a_made_up_link_changes_nothing(olivia: User) -> None:
    assert "does not work" in Browser().post("/account/profile/email/made:up/").content.decode()
