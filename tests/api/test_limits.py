"""Counting requests: exact, by calendar minute, with Redis and without."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings

from hydra.api.limits import UNLIMITED, Limiter, ProcessCounter, RedisCounter, network_of

NOON = 1_763_726_400  # a whole minute


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(shared=None, processes=1)


def test_the_limit_is_allowed_and_not_one_more(limiter: Limiter) -> None:
    with time_machine.travel(NOON + 10, tick=False):
        standings = [limiter.use("key", 3) for _ in range(5)]

    assert [standing.is_over for standing in standings] == [False, False, False, True, True]
    assert [standing.remaining for standing in standings] == [2, 1, 0, 0, 0]


def test_the_headers_tell_limit_rest_and_the_second_of_the_next_minute(limiter: Limiter) -> None:
    with time_machine.travel(NOON + 10.7, tick=False):
        standing = limiter.use("key", 60)
        seconds = standing.seconds_left

    assert standing.headers() == {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "59",
        "X-RateLimit-Reset": str(NOON + 60),
    }
    assert seconds == 50


def test_a_new_minute_begins_at_the_full_minute(limiter: Limiter) -> None:
    with time_machine.travel(NOON + 59.999, tick=False):
        limiter.use("key", 1)
        assert limiter.use("key", 1).is_over
    with time_machine.travel(NOON + 60, tick=False):
        assert not limiter.use("key", 1).is_over


def test_names_are_counted_apart(limiter: Limiter) -> None:
    with time_machine.travel(NOON, tick=False):
        limiter.use("one", 1)

        assert not limiter.use("other", 1).is_over


def test_a_lifted_limit_is_never_over(limiter: Limiter) -> None:
    standing = limiter.use("key", UNLIMITED)

    assert not standing.is_over
    assert standing.headers()["X-RateLimit-Limit"] == "-1"
    assert standing.headers()["X-RateLimit-Remaining"] == "-1"


def test_of_many_at_once_exactly_the_limit_is_allowed(limiter: Limiter) -> None:
    barrier = threading.Barrier(8)

    def use_many(_: int) -> Counter[bool]:
        barrier.wait()
        return Counter(limiter.use("key", 100).is_over for _ in range(50))

    with time_machine.travel(NOON, tick=False), ThreadPoolExecutor(8) as pool:
        counts = sum(pool.map(use_many, range(8)), Counter())

    assert counts == {False: 100, True: 300}


def test_who_counts_late_for_the_old_minute_ends_no_count_of_the_new_one() -> None:
    counter = ProcessCounter()
    counter.add("key", 1)
    counter.add("key", 2)

    assert counter.add("key", 1) == 2
    assert counter.add("key", 2) == 2


def test_of_many_at_the_minutes_edge_each_minute_allows_exactly_the_limit(
    limiter: Limiter,
) -> None:
    """Some have read the clock just before the edge when others count just after it."""
    barrier = threading.Barrier(8)
    passed: Counter[int] = Counter()
    lock = threading.Lock()

    def use_many(_: int) -> None:
        barrier.wait()
        after_the_edge = 0
        while after_the_edge < 100:
            standing = limiter.use("key", 100)
            after_the_edge += standing.resets_at > NOON + 60
            with lock:
                passed[standing.resets_at] += not standing.is_over

    with time_machine.travel(NOON + 59.5, tick=True), ThreadPoolExecutor(8) as pool:
        list(pool.map(use_many, range(8)))

    assert dict(passed) == {NOON + 60: 100, NOON + 120: 100}


def test_minutes_long_past_are_forgotten() -> None:
    counter = ProcessCounter()
    for minute in range(100):
        counter.add("key", minute)

    assert [counter.count("key", minute) for minute in (0, 96, 97, 98, 99)] == [0, 0, 1, 1, 1]


def test_a_clock_set_back_gives_no_second_allowance_beyond_its_minute(limiter: Limiter) -> None:
    with time_machine.travel(NOON + 60, tick=False):
        limiter.use("key", 1)
    with time_machine.travel(NOON + 1, tick=False):
        assert not limiter.use("key", 1).is_over
        assert limiter.use("key", 1).is_over


def test_without_redis_each_process_allows_its_share() -> None:
    limiter = Limiter(shared=RedisCounter("redis://127.0.0.1:1/0"), processes=2)

    with time_machine.travel(NOON, tick=False):
        standings = [limiter.use("key", 10) for _ in range(7)]

    assert [standing.is_over for standing in standings].count(False) == 5
    assert standings[0].limit == 10


@pytest.mark.skipif(not settings.REDIS_URL, reason="counts for several processes need Redis")
def test_redis_counts_for_all_processes_exactly() -> None:
    name = str(uuid4())
    processes = [Limiter(shared=RedisCounter(settings.REDIS_URL), processes=2) for _ in range(4)]

    with time_machine.travel(NOON, tick=False), ThreadPoolExecutor(4) as pool:
        counts = pool.map(
            lambda limiter: Counter(limiter.use(name, 50).is_over for _ in range(30)), processes
        )

    assert sum(counts, Counter()) == {False: 50, True: 70}


def test_an_ipv6_customer_is_one_network_and_ipv4_one_address() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("") == ""
