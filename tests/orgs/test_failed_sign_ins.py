"""Failed sign-ins stand in the log of those whom they concern, and tell nobody at the door."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.services import worker
from orgs.models import Event, FailedSignIn, Organization, User
from orgs.models.failures import Proof
from orgs.services import failures
from tests import factories
from tests.conftest import Browser, signed_in, stale
from tests.orgs.test_accounts_door import ABROAD, try_in
from tests.orgs.test_accounts_security import set_up, sign_in

VERB = "user.sign_in_failed"


def told() -> list[tuple[str, dict[str, Any], str]]:
    """Where, what, and from which address."""
    events = Event.objects.filter(verb=VERB).order_by("pk")
    return list(events.values_list("org__slug", "data", "address"))


@pytest.fixture
def olivia_of_two(olivia: User, northwind: Organization, southwind: Organization) -> User:
    return factories.make_member(southwind, user=olivia)


def test_each_organization_of_the_person_is_told_once_of_several(olivia_of_two: User) -> None:
    for _ in range(3):
        try_in("OLIVIA@northwind.example", "a wrong password", at=ABROAD)

    worker.run_due("housekeeping")

    what = {"attempts": 3, "wrong": "password"}
    assert told() == [("northwind", what, ABROAD), ("southwind", what, ABROAD)]
    event = Event.objects.filter(verb=VERB)[0]
    assert (event.subject_uid, event.actor_kind) == (olivia_of_two.uid, "system")
    assert "a wrong password" not in str(event.__dict__)


def test_an_attacker_cannot_flood_the_log(olivia: User, northwind: Organization) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        for second in range(61):
            failures.count_failure(olivia.email, proof=Proof.PASSWORD, address=ABROAD)
            failures.tell_failures()
            clock.shift(timedelta(seconds=1) if second < 60 else 0)

    assert [data["attempts"] for _, data, _ in told()] == [1, 60]


def test_what_is_told_and_quiet_is_forgotten(olivia: User, northwind: Organization) -> None:
    for email in (olivia.email, "nobody@northwind.example"):
        failures.count_failure(email, proof=Proof.PASSWORD, address=ABROAD)
    with time_machine.travel(time.time(), tick=False) as clock:
        assert failures.tell_failures() == 1
        assert FailedSignIn.objects.count() == 2
        clock.shift(timedelta(minutes=1))
        failures.tell_failures()

    assert not FailedSignIn.objects.exists()
    assert len(told()) == 1


def test_the_door_does_the_same_for_an_address_that_nobody_has(
    olivia: User, northwind: Organization
) -> None:
    asked = {}
    for email in (olivia.email, "nobody@northwind.example"):
        with CaptureQueriesContext(connection) as queries:
            _, page = try_in(email, "a wrong password", at=ABROAD)
        about = [query["sql"] for query in queries if "failedsignin" in query["sql"]]
        asked[email] = [sql.replace(email, "?") for sql in about], page.replace(email, "?")

    (known, known_page), (unknown, unknown_page) = asked.values()
    assert known == unknown != []
    assert len(known_page) == len(unknown_page)
    assert not Event.objects.filter(verb=VERB).exists()


def test_a_wrong_code_says_that_the_password_was_right(
    olivia: User, northwind: Organization
) -> None:
    set_up(signed_in(olivia))
    client = Browser(REMOTE_ADDR=ABROAD)
    sign_in(client, olivia)
    client.post("/account/login/code/", {"code": "000000"})

    failures.tell_failures()

    assert told() == [("northwind", {"attempts": 1, "wrong": "code"}, ABROAD)]


def test_a_wrong_password_when_confirming_counts_as_well(
    olivia: User, northwind: Organization
) -> None:
    stale(olivia).post("/account/reauthenticate/", {"password": "a wrong password"})

    failures.tell_failures()

    assert [data for _, data, _ in told()] == [{"attempts": 1, "wrong": "password"}]


def test_a_right_password_and_a_try_that_has_to_wait_are_none(
    olivia: User, northwind: Organization
) -> None:
    with time_machine.travel(time.time(), tick=False):
        sign_in(Browser(), olivia)
        for _ in range(8):
            try_in(olivia.email, "a wrong password", at=ABROAD)

    failures.tell_failures()

    assert [data["attempts"] for _, data, _ in told()] == [5]


def test_what_fails_while_it_is_told_is_told_next_time(
    olivia: User, northwind: Organization
) -> None:
    failures.count_failure(olivia.email, proof=Proof.PASSWORD, address=ABROAD)
    read = FailedSignIn.objects.get()
    failures.count_failure(olivia.email, proof=Proof.PASSWORD, address=ABROAD)

    assert failures.tell(read) == 0  # what was read is not what stands there now
    assert failures.tell_failures() == 1

    assert [data["attempts"] for _, data, _ in told()] == [2]
