"""HTTP to addresses that customers typed, and the only place that speaks to them.

    answer = outbound.post(url, body=body, headers=headers)

The name is resolved once, every answer is judged, and the connection goes to an address that was
judged, with the name in SNI and `Host`. There are no proxies, no redirects and no decompression.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from hydra import addresses
from hydra.addresses import Address
from hydra.outbound.exchange import (
    ANSWER_BYTES,
    Answer,
    Call,
    Deadline,
    Trouble,
    Unreachable,
    perform,
)
from hydra.outbound.targets import Blocked, Target, judge, judge_addresses, read

__all__ = ["Answer", "Blocked", "Trouble", "Unreachable", "check_url", "get", "post"]

DEADLINE_SECONDS: Final = 15.0
LOOKUP_SECONDS: Final = 5.0

# The system's resolver cannot be interrupted. This bounds how many threads a dead one can hold.
_lookups = threading.BoundedSemaphore(64)

Resolve = Callable[[str, int], Sequence[str]]


def check_url(url: str) -> None:
    """Refuse, when it is saved, an address that could never be reached; say what to write instead.

    What a name resolves to is judged at every connection and not here: it may change.
    """
    judge(read(url))


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    deadline_seconds: float = DEADLINE_SECONDS,
    resolve: Resolve | None = None,
) -> Answer:
    """Send `body` and return the answer, whatever its status; a redirect is an answer too.

    Raises `Blocked` before anything is sent, `Unreachable` when no usable answer came in time.
    """
    call = Call("POST", headers, body)
    return _exchange(url, call, deadline=Deadline(deadline_seconds), resolve=resolve)


def get(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    answer_bytes: int = ANSWER_BYTES,
    deadline_seconds: float = DEADLINE_SECONDS,
    resolve: Resolve | None = None,
) -> Answer:
    """Fetch `url` under the same rules; `answer_bytes` when more of the answer is needed."""
    call = Call("GET", headers or {}, None, answer_bytes)
    return _exchange(url, call, deadline=Deadline(deadline_seconds), resolve=resolve)


def _exchange(url: str, call: Call, *, deadline: Deadline, resolve: Resolve | None) -> Answer:
    target = read(url)
    judge(target)
    found = [target.literal] if target.literal else _look_up(target, deadline, resolve)
    judge_addresses(target, found)
    return perform(call, target, found=found, deadline=deadline)


def system_resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _look_up(target: Target, deadline: Deadline, resolve: Resolve | None) -> list[Address]:
    """Every address of the host, from exactly one call of the resolver."""
    answers = Future[Sequence[str]]()
    if not _lookups.acquire(timeout=min(LOOKUP_SECONDS, deadline.left())):
        raise Unreachable(Trouble.DNS, "The resolver is overloaded.")
    arguments = (answers, resolve or system_resolve, target)
    threading.Thread(target=_ask, args=arguments, name="lookup", daemon=True).start()
    try:
        spelled = answers.result(timeout=min(LOOKUP_SECONDS, deadline.left()))
    except TimeoutError as error:
        raise Unreachable(Trouble.DNS, f"{target.host} could not be looked up in time.") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(Trouble.DNS, f"{target.host} could not be looked up.") from error
    if not spelled:
        raise Unreachable(Trouble.DNS, f"{target.host} has no address.")
    return list(dict.fromkeys(addresses.parse(each) for each in spelled))


def _ask(answers: Future[Sequence[str]], resolve: Resolve, target: Target) -> None:
    try:
        answers.set_result(resolve(target.host, target.port))
    except (OSError, UnicodeError) as error:
        answers.set_exception(error)
    finally:
        _lookups.release()
