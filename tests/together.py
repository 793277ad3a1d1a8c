"""Doing things at the same moment, or one while another is held open: each on a connection of its
own, as two processes would.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection, transaction

from hydra.errors import Refused

T = TypeVar("T")

HELD_SECONDS = 0.5


def at_once(times: int, act: Callable[[int], T]) -> list[T]:
    """What `act` returned each time; none begins before all are ready."""
    barrier = threading.Barrier(times)

    def one(number: int) -> T:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def outcomes_at_once(times: int, act: Callable[[int], T]) -> list[T | Refused]:
    """The same, where to be refused is an outcome as well."""

    def one(number: int) -> T | Refused:
        try:
            return act(number)
        except Refused as refused:
            return refused

    return at_once(times, one)


def held_up(second: Callable[[], T], *, by: Callable[[], object]) -> T:
    """What `second` comes to, which begins when the other is done and not yet committed.

    It has to wait until that is: for a row, or on SQLite for the database.
    """

    def later() -> T:
        try:
            return second()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            by()
            outcome = pool.submit(later)
            with pytest.raises(TimeoutError):
                outcome.result(timeout=HELD_SECONDS)
        return outcome.result(timeout=30)
