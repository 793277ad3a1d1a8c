"""Requests a minute: fixed calendar minutes, counted exactly however many ask at once.

Embedded, the process counts. In full mode Redis counts for all processes; while it is away each
process allows its share of the limit, so that losing Redis neither lifts nor closes the gate.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

UNLIMITED = -1
WINDOW_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 1
BREAK_SECONDS = 5
KEPT_MINUTES = 3
MAX_COUNTED = 200_000  # more names than this in one minute are an attack, not customers


@dataclass(frozen=True)
class Standing:
    """How a caller stands this minute: what the `X-RateLimit` headers say."""

    limit: int
    remaining: int
    resets_at: int
    is_over: bool = False

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }

    @property
    def seconds_left(self) -> int:
        return max(1, self.resets_at - int(time.time()))


class ProcessCounter:
    """Counts in this process, minute by minute.

    The last few minutes are kept apart: a thread that read the clock just before a minute's end
    and counts just after it must not be taken for the next minute, nor end that one's count.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: dict[int, dict[str, int]] = {}

    def add(self, name: str, minute: int) -> int:
        """Count one more for `name`, and say how many that makes."""
        with self._lock:
            counts = self._counts(minute)
            counts[name] = counts.get(name, 0) + 1
            return counts[name]

    def raise_to(self, name: str, minute: int, count: int) -> None:
        """Remember what another counter knows, if it is more."""
        with self._lock:
            counts = self._counts(minute)
            counts[name] = max(count, counts.get(name, 0))

    def count(self, name: str, minute: int) -> int:
        with self._lock:
            return self._minutes.get(minute, {}).get(name, 0)

    def _counts(self, minute: int) -> dict[str, int]:
        """This minute's counts. The minute that was opened first goes, so a clock that is set back
        opens one that stays.
        """
        counts = self._minutes.get(minute)
        if counts is None or len(counts) >= MAX_COUNTED:
            counts = self._minutes[minute] = {}
            if len(self._minutes) > KEPT_MINUTES:
                del self._minutes[next(iter(self._minutes))]
        return counts


class RedisCounter:
    """Counts for all processes; says None while Redis is away."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._broken_until = 0.0
        self._expiring = ProcessCounter()

    def add(self, name: str, minute: int) -> int | None:
        if time.monotonic() < self._broken_until:
            return None
        key = f"hydra:limit:{minute}:{name}"
        try:
            return self._count(key, is_first=self._expiring.add(name, minute) == 1)
        except redis.RedisError as error:
            self._broken_until = time.monotonic() + BREAK_SECONDS
            log.warning("limits.redis_away", error=str(error), seconds=BREAK_SECONDS)
            return None

    def _count(self, key: str, *, is_first: bool) -> int:
        """One INCR; the first of each process also sees to it that the count is forgotten."""
        if not is_first:
            return int(self._redis.incr(key))
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.incr(key)
        pipeline.expire(key, 2 * WINDOW_SECONDS)
        return int(pipeline.execute()[0])


class Limiter:
    """Says how a name stands against a limit."""

    def __init__(self, *, shared: RedisCounter | None, processes: int) -> None:
        self._shared = shared
        self._local = ProcessCounter()
        self._processes = max(1, processes)

    def use(self, name: str, limit: int) -> Standing:
        """Count one request of `name`; `is_over` when it is one too many."""
        minute, resets_at = this_minute()
        if limit == UNLIMITED:
            return Standing(UNLIMITED, UNLIMITED, resets_at)
        count, allowed = self._count(name, minute, limit)
        return Standing(limit, max(0, allowed - count), resets_at, is_over=count > allowed)

    def look(self, name: str, limit: int) -> Standing:
        """How `name` stands as far as this process knows, without counting or asking."""
        minute, resets_at = this_minute()
        count = self._local.count(name, minute)
        return Standing(limit, max(0, limit - count), resets_at, is_over=count >= limit)

    def _count(self, name: str, minute: int, limit: int) -> tuple[int, int]:
        shared = self._shared.add(name, minute) if self._shared else None
        if shared is not None:
            self._local.raise_to(name, minute, shared)
            return shared, limit
        share = max(1, limit // self._processes) if self._shared else limit
        return self._local.add(name, minute), share


def this_minute() -> tuple[int, int]:
    """The number of this calendar minute, and the second at which the next one begins."""
    minute = int(time.time()) // WINDOW_SECONDS
    return minute, (minute + 1) * WINDOW_SECONDS


def network_of(address: str) -> str:
    """What failures of `address` count for: of IPv6 the /64, which is one customer's."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address


limiter = Limiter(
    shared=RedisCounter(settings.REDIS_URL) if settings.REDIS_URL else None,
    processes=settings.HYDRA_WEB_PROCESSES,
)
