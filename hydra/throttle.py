"""Guessing is slowed down: each wrong try makes the next one wait longer, and none waits for ever.

A try is counted before it is judged, so that many at once do not slip through together; a right
one is taken back. The cache counts: in full mode that is a table, which survives Redis.
The rules and why they are so: docs/decisions/0060-guessing-is-slowed.md.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from allauth.core.internal.ratelimit import cache_lock
from django.core.cache import cache

from orgs.models.sessions import BrowserSession

LONGEST_WAIT_SECONDS = 15 * 60
FORGOTTEN_AFTER_SECONDS = 24 * 3600
FREE_TRIES = 5
FREE_TRIES_UNDER_ATTACK = 1
ATTACK_AFTER = 50  # failures from everywhere within a day
UNCOUNTED = 10**9  # tries that only count
HOME_PREFIX = 56  # what a provider hands to one household


def count_try(*about: str, free: int) -> int:
    """Count a try; how many seconds it has to wait instead, in which case it was not counted."""
    key = key_of(*about)
    with cache_lock(key) as is_mine:
        if not is_mine:
            return 1
        failures, until = cache.get(key, (0, 0.0))
        now = time.time()
        if now < until:
            wait: float = until - now
            return math.ceil(wait)
        failures += 1
        cache.set(key, (failures, now + wait_after(failures, free)), FORGOTTEN_AFTER_SECONDS)
        return 0


def take_back(*about: str) -> None:
    """The try that was counted last was right."""
    key = key_of(*about)
    with cache_lock(key):
        failures, _ = cache.get(key, (0, 0.0))
        if failures > 1:
            cache.set(key, (failures - 1, 0.0), FORGOTTEN_AFTER_SECONDS)
        else:
            cache.delete(key)


def forget(*about: str) -> None:
    cache.delete(key_of(*about))


def failures_of(*about: str) -> int:
    failures, _ = cache.get(key_of(*about), (0, 0.0))
    return int(failures)


def wait_after(failures: int, free: int) -> float:
    """Nothing while tries are free, then 2, 4, 8 … seconds, up to a quarter of an hour."""
    if failures < free:
        return 0.0
    return min(2.0 ** min(failures - free + 1, 20), LONGEST_WAIT_SECONDS)


def key_of(*about: str) -> str:
    """No address or name stands in the cache."""
    return "hydra:tries:" + hashlib.sha256("\0".join(about).encode()).hexdigest()


@dataclass(frozen=True)
class Guess:
    """One try at `what` (a password, a code) of `account`, from one network."""

    what: str
    account: str
    network: str

    @property
    def here(self) -> tuple[str, ...]:
        return (self.what, self.account, self.network)

    @property
    def everywhere(self) -> tuple[str, ...]:
        return (self.what, self.account)

    def count(self) -> int:
        """Count it; how many seconds it has to wait instead."""
        is_attacked = failures_of(*self.everywhere) >= ATTACK_AFTER
        is_strange = is_attacked and not self.is_at_home()
        wait = count_try(*self.here, free=FREE_TRIES_UNDER_ATTACK if is_strange else FREE_TRIES)
        if not wait:
            count_try(*self.everywhere, free=UNCOUNTED)
        return wait

    def was_right(self) -> None:
        forget(*self.here)
        take_back(*self.everywhere)

    def is_at_home(self) -> bool:
        """Whether the account has a session in this network, where its owner signed in before."""
        sessions = BrowserSession.objects.signed_in().filter(user__email=self.account)
        addresses = sessions.values_list("address", flat=True)[:50]
        return any(network_of(address) == self.network for address in addresses)


def guess_of(address: str, what: str, account: str) -> Guess:
    return Guess(what, account.strip().lower(), network_of(address))


def network_of(address: str) -> str:
    """An IPv4 address, or the household around an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, HOME_PREFIX), strict=False).network_address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def in_words(seconds: int, why: str = "Too many failed attempts.") -> str:
    """What to tell whoever has to wait."""
    amount = f"{seconds} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
    return f"{why} Try again in {'a second' if seconds == 1 else amount}."
