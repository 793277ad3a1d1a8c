"""Writers of one process take turns, so that none of them polls for the file."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from deployments.models import Tick

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.HYDRA_EMBEDDED, reason="only SQLite has one writer"),
]


def touch(name: str) -> bool:
    """Write in a transaction, from a thread of its own."""
    try:
        with transaction.atomic():
            return Tick.objects.get_or_create(name=name)[1]
    finally:
        connection.close()


def test_a_writer_waits_for_the_one_before_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Tick.objects.create(name="first")
            waiting = pool.submit(touch, "second")
            time.sleep(0.1)
            assert not waiting.done()

        assert waiting.result(timeout=10) is True


def roll_back() -> None:
    raise ValueError


def fail() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


@pytest.mark.parametrize("end", [roll_back, fail])
def test_the_turn_is_given_back_however_a_transaction_ends(end: Callable[[], None]) -> None:
    with contextlib.suppress(ValueError, DatabaseError), transaction.atomic():
        Tick.objects.create(name="lost")
        end()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(touch, "next").result(timeout=10) is True
    assert not Tick.objects.filter(name="lost").exists()


def test_a_connection_that_is_closed_in_a_transaction_gives_the_turn_back() -> None:
    def leave() -> None:
        atomic = transaction.atomic()
        atomic.__enter__()
        Tick.objects.create(name="left")
        connection.close()

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join(10)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(touch, "next").result(timeout=10) is True
    assert not Tick.objects.filter(name="left").exists()


def test_a_lone_statement_waits_for_its_turn_too() -> None:
    def change() -> int:
        try:
            return Tick.objects.filter(name="there").update(name="changed")
        finally:
            connection.close()

    Tick.objects.create(name="there")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Tick.objects.create(name="another")
            waiting = pool.submit(change)
            time.sleep(0.1)
            assert not waiting.done()
        assert waiting.result(timeout=10) == 1
