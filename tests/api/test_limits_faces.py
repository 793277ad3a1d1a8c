"""Requests a minute as programs see them: on every answer, by key, and with Redis gone."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address
from uuid import uuid4

import pytest
import redis
import time_machine
from django.conf import settings
from pytest_django import DjangoAssertNumQueries

from hydra import faces, keys
from hydra.api import limits
from hydra.api.limits import Limiter, RedisCounter
from hydra.faces import FAILURES_PER_MINUTE
from orgs.models import Organization, Plan
from tests import factories
from tests.api.client import Api, new_address, read
from tests.together import at_once

NOON = 1_763_726_400  # a whole minute
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def somewhere() -> str:
    """An address that no other test process calls from in the same minute: they share a Redis."""
    return str(IPv6Address(uuid4().int))


@pytest.fixture
def free(northwind: Organization) -> Organization:
    """Northwind with ten requests a minute."""
    northwind.plan, northwind.requests_per_minute = Plan.FREE, 10
    northwind.save()
    return northwind


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (200, "GET", "/v1/health", None),
        (201, "POST", "/api/v1/environments", {"name": "Staging"}),
        (400, "POST", "/api/v1/environments", b"{"),
        (400, "GET", "/api/v1/environments?limit=0", None),
        (404, "GET", "/api/v1/nothing", None),
        (404, "GET", "/api/v1/projects/prj_nothing", None),
        (405, "DELETE", "/api/v1/environments", None),
        (413, "POST", "/api/v1/environments", b"x" * (1024 * 1024 + 1)),
    ],
)
def test_every_answer_says_how_one_stands(
    api: Api, status: int, method: str, path: str, body: object
) -> None:
    with time_machine.travel(NOON + 10, tick=False):
        before = int(api.get("/v1/health")["X-RateLimit-Remaining"])
        answer = api.send(method, path, body)

    assert answer.status_code == status
    assert [answer[name] for name in HEADERS] == ["1000", str(before - 1), str(NOON + 60)]


@pytest.mark.parametrize("kind", ["none", "garbage", "unknown"])
@pytest.mark.parametrize(
    "path", ["/v1/health", "/api/v1/projects", "/v2/deploy.getDeployment", "/api/externals/x"]
)
@pytest.mark.django_db
def test_a_refused_key_says_how_its_address_stands(kind: str, path: str) -> None:
    tokens = {"none": "", "garbage": "garbage", "unknown": keys.new_token(keys.API_KEY)}
    with time_machine.travel(NOON + 10, tick=False):
        answer = Api(tokens[kind], address=somewhere()).get(path)

    assert answer.status_code == 401
    assert [answer[name] for name in HEADERS] == ["60", "59", str(NOON + 60)]


def test_a_bug_says_how_one_stands(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("orgs.api.environments.show_environment", broken)

    answer = api.post("/api/v1/environments", {"name": "Staging"})

    assert answer.status_code == 500
    assert all(answer[name] for name in HEADERS)


def test_one_too_many_is_429_and_says_when_to_come_back(free: Organization) -> None:
    program = Api(factories.make_key(free)[1])

    with time_machine.travel(NOON + 42, tick=False):
        answers = [program.get("/v1/health") for _ in range(12)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert read(answers[-1], 429)["error"]["code"] == "rate_limited"
    assert answers[-1]["Retry-After"] == "18"
    assert [answers[-1][name] for name in HEADERS] == ["10", "0", str(NOON + 60)]
    assert "Retry-After" not in answers[0]


def test_a_new_minute_is_a_new_allowance(free: Organization) -> None:
    program = Api(factories.make_key(free)[1])

    def passed() -> int:
        return [program.get("/v1/health").status_code for _ in range(12)].count(200)

    with time_machine.travel(NOON + 59.9, tick=False):
        assert passed() == 10
    with time_machine.travel(NOON + 60, tick=False):
        assert passed() == 10


def test_each_key_and_each_token_has_its_own_allowance(free: Organization) -> None:
    owner = factories.owner_of(free)
    programs = [
        Api(token)
        for token in (
            factories.make_key(free)[1],
            factories.make_key(free)[1],
            factories.make_token(owner)[1],
        )
    ]

    with time_machine.travel(NOON, tick=False):
        for program in programs:
            left = [program.get("/v1/health")["X-RateLimit-Remaining"] for _ in range(2)]
            assert left == ["9", "8"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["key", "token"])
def test_of_many_requests_at_once_exactly_the_limit_is_let_in(kind: str) -> None:
    org = factories.make_org(plan=Plan.FREE, requests_per_minute=15)
    owner = factories.owner_of(org)
    token = factories.make_key(org)[1] if kind == "key" else factories.make_token(owner)[1]
    address = new_address()

    with time_machine.travel(NOON, tick=False):
        statuses = at_once(
            6,
            lambda _: Counter(
                Api(token, address=address).get("/v1/health").status_code for _ in range(5)
            ),
        )

    assert sum(statuses, Counter()) == {200: 15, 429: 15}


def test_an_address_that_keeps_failing_is_asked_of_the_database_no_more(
    django_assert_num_queries: DjangoAssertNumQueries, db: None
) -> None:
    program = Api(keys.new_token(keys.API_KEY), address=somewhere())
    with time_machine.travel(NOON + 30, tick=False):
        statuses = [program.get("/v1/health").status_code for _ in range(60)]

        with django_assert_num_queries(0):
            refused = program.get("/v1/health")

    assert set(statuses) == {401}
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")


def test_a_known_key_at_such_an_address_is_still_let_in(free: Organization) -> None:
    address, token = somewhere(), factories.make_key(free)[1]
    with time_machine.travel(NOON, tick=False):
        assert Api(token, address=address).get("/v1/health").status_code == 200
        for _ in range(61):
            Api("garbage", address=address).get("/v1/health")

        assert Api("garbage", address=address).get("/v1/health").status_code == 429
        assert Api(token, address=address).get("/v1/health").status_code == 200


# --- Redis lost -------------------------------------------------------------------------------


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Limiter:
    """The gate's limiter, as two processes have it whose Redis cannot be reached."""
    limiter = Limiter(shared=RedisCounter("redis://127.0.0.1:1/0"), processes=2)
    monkeypatch.setattr(faces, "limiter", limiter)
    return limiter


def test_without_redis_a_process_lets_its_share_in_and_nothing_fails(
    free: Organization, away: Limiter
) -> None:
    program = Api(factories.make_key(free)[1])

    with time_machine.travel(NOON, tick=False):
        answers = [program.get("/v1/health") for _ in range(8)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert [answers[0][name] for name in HEADERS] == ["10", "4", str(NOON + 60)]


@pytest.mark.skipif(not settings.REDIS_URL, reason="wants a Redis that can be lost")
def test_when_redis_is_back_it_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BREAK_SECONDS", 0)
    counter, name = RedisCounter(settings.REDIS_URL), str(uuid4())
    limiter = Limiter(shared=counter, processes=2)
    there = counter._redis

    with time_machine.travel(NOON, tick=False):
        allowed = [limiter.use(name, 10).is_over for _ in range(3)]
        counter._redis = redis.Redis.from_url("redis://127.0.0.1:1/0")
        lost = limiter.use(name, 10)
        counter._redis = there
        back = limiter.use(name, 10)

    assert allowed == [False] * 3
    assert lost.remaining == 1  # of its share of five: it knows of the three
    assert back.remaining == 6


@pytest.mark.skipif(not settings.REDIS_URL, reason="counts for several processes need Redis")
def test_with_redis_each_minute_allows_exactly_the_limit_to_all_processes() -> None:
    name = str(uuid4())
    processes = [Limiter(shared=RedisCounter(settings.REDIS_URL), processes=4) for _ in range(4)]

    def use_many(limiter: Limiter) -> Counter[int]:
        passed: Counter[int] = Counter()
        after_the_edge = 0
        while after_the_edge < 60:
            standing = limiter.use(name, 100)
            after_the_edge += standing.resets_at > NOON + 60
            passed[standing.resets_at] += not standing.is_over
        return passed

    with time_machine.travel(NOON + 59, tick=True), ThreadPoolExecutor(4) as pool:
        passed = sum(pool.map(use_many, processes), Counter())

    assert dict(passed) == {NOON + 60: 100, NOON + 120: 100}


@pytest.mark.parametrize(
    ("plan", "limit"),
    [(Plan.FREE, 60), (Plan.STARTER, 120), (Plan.TEAM, 300), (Plan.ENTERPRISE, 1000)],
)
def test_the_plan_sets_the_limit(northwind: Organization, plan: Plan, limit: int) -> None:
    Organization.objects.filter(pk=northwind.pk).update(plan=plan)
    _, token = factories.make_key(northwind)

    response = Api(token).get("/v1/health")

    assert response["X-RateLimit-Limit"] == str(limit)
    assert response["X-RateLimit-Remaining"] == str(limit - 1)


@pytest.mark.parametrize(("override", "limit"), [(5000, "5000"), (-1, "-1")])
def test_a_site_administrator_may_raise_or_lift_the_limit(
    northwind: Organization, override: int, limit: str
) -> None:
    Organization.objects.filter(pk=northwind.pk).update(requests_per_minute=override)
    _, token = factories.make_key(northwind)

    assert Api(token).get("/v1/health")["X-RateLimit-Limit"] == limit


def test_one_request_too_many_is_429_and_says_when_to_come_back(northwind: Organization) -> None:
    Organization.objects.filter(pk=northwind.pk).update(requests_per_minute=2)
    program = Api(factories.make_key(northwind)[1])
    colleague = Api(factories.make_key(northwind)[1])

    with time_machine.travel(NOON + 15, tick=False):
        answers = [program.get("/api/v1/projects") for _ in range(3)]
        assert colleague.get("/api/v1/projects").status_code == 200  # each key has its own

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refusal = answers[-1]
    assert read(refusal, 429)["code"] == "rate_limited"
    assert refusal["Retry-After"] == "45"
    assert refusal["X-RateLimit-Limit"] == "2"
    assert refusal["X-RateLimit-Remaining"] == "0"
    assert refusal["X-RateLimit-Reset"] == str(NOON + 60)
    with time_machine.travel(NOON + 60, tick=False):
        assert program.get("/api/v1/projects").status_code == 200


def test_an_address_that_guesses_keys_is_stopped_before_the_database_is_asked(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    guesser = Api(keys.new_token(keys.API_KEY))
    with time_machine.travel(NOON, tick=False):
        answers = [guesser.get("/v1/health") for _ in range(FAILURES_PER_MINUTE)]
        assert {answer.status_code for answer in answers} == {401}
        assert answers[-1]["X-RateLimit-Remaining"] == "0"

        with django_assert_num_queries(0):
            refusal = guesser.get("/v1/health")

    assert refusal.status_code == 429
    assert refusal["Retry-After"] == "60"


def test_a_neighbour_whose_key_worked_before_is_not_locked_out(northwind: Organization) -> None:
    address = new_address()
    neighbour = Api(factories.make_key(northwind)[1], address=address)
    stranger = Api(factories.make_key(northwind)[1], address=address)
    guesser = Api("hyd_live_guess", address=address)
    with time_machine.travel(NOON, tick=False):
        assert neighbour.get("/v1/health").status_code == 200
        for _ in range(FAILURES_PER_MINUTE + 1):
            guesser.get("/v1/health")

        assert neighbour.get("/v1/health").status_code == 200
        assert stranger.get("/v1/health").status_code == 429
