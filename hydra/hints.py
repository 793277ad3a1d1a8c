"""Hints: "something changed, look at the table now". They carry no truth and may all be lost.

Listeners of the same process are called at once. With `REDIS_URL` set, a thread of its own also
publishes to the other processes and, on the channel `worker`, knocks at Celery; whoever gives a
hint never waits for Redis. What a lost hint leaves behind is found by a sweep.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import celery
import kombu.exceptions
import redis
import structlog
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

Hint = tuple[str, str]
Listener = Callable[[str, str], None]

WORKER: Final = "worker"
EVERYTHING: Final = "*"  # hints were lost while Redis was away: look at all that you care for

SOCKET_SECONDS: Final = 1.0
BREAKER_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 10.0  # after which the subscription is asked whether it is still alive
IDLE_SECONDS: Final = 30.0
# A message of Celery costs many hints, so a burst is one knock; it comes when those who gave the
# hints have what they wait for.
KNOCK_SECONDS: Final = 0.25
CELERY_SECONDS: Final = 60  # a knock that no worker heard in this time is worth nothing


def wake(channel: str, key: str = "") -> None:
    """Tell everybody who listens to look at `key` of `channel`. Never fails and never waits.

    Call it after the commit, or they look before there is anything to see.
    """
    _tell(channel, key)
    if settings.REDIS_URL:
        _sender_to(settings.REDIS_URL).put((channel, key))


def wake_on_commit(channel: str, key: str = "") -> None:
    """`wake` once the current transaction is committed; many of the same are one."""
    _waiting.hints[channel, key] = None
    transaction.on_commit(_wake_waiting)


def listen(callback: Listener) -> Callable[[], None]:
    """Call `callback(channel, key)` at every hint until the function returned here is called.

    It is called in the thread of whoever gave the hint, so it must be quick and pass the work on.
    The channel `EVERYTHING` says that hints were lost on the way.
    """
    token = object()
    with _lock:
        _listeners[token] = callback
        if settings.REDIS_URL and not _receiver.is_running:
            _receiver.start(settings.REDIS_URL)

    def stop() -> None:
        with _lock:
            _listeners.pop(token, None)

    return stop


class _Waiting(threading.local):
    """The hints that this thread gives when its transaction is committed.

    After a rollback they stay and go out with the next ones, where they do no harm.
    """

    def __init__(self) -> None:
        self.hints: dict[Hint, None] = {}


class _Breaker:
    """Leaves what just failed alone for a while, so that hints are not delayed by it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._closed_again_at

    def open(self, error: Exception) -> None:
        self._closed_again_at = time.monotonic() + BREAKER_SECONDS
        log.warning("hints_not_sent", to=self._what, reason=str(error))


class _Sender:
    """Publishes from a thread that starts on demand; hints given meanwhile are sent together."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pending: dict[Hint, None] = {}
        self._knocks: dict[str, float] = {}  # when a kind may be knocked for
        self._changed = threading.Condition()
        self._is_running = False
        self._redis = _connect(url)
        self._redis_breaker = _Breaker("redis")
        self._celery_breaker = _Breaker("celery")
        self._broker: kombu.Connection | None = None

    def put(self, hint: Hint) -> None:
        with self._changed:
            self._pending[hint] = None
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="hints-out", daemon=True).start()
            self._changed.notify()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._publish(batch)
            now = time.monotonic()
            for kind in [key for channel, key in batch if channel == WORKER]:
                self._knocks.setdefault(kind, now + KNOCK_SECONDS)
            self._knock([kind for kind, due in self._knocks.items() if due <= now])

    def _next_batch(self) -> list[Hint] | None:
        """What is pending, waiting for it or for a knock; None when it is time for the end."""
        with self._changed:
            next_knock = min(self._knocks.values(), default=None)
            wait = IDLE_SECONDS if next_knock is None else next_knock - time.monotonic()
            has_some = self._changed.wait_for(lambda: self._pending, timeout=max(0.0, wait))
            if not has_some and next_knock is None:
                self._is_running = False
                return None
            batch = list(self._pending)
            self._pending.clear()
            return batch

    def _publish(self, batch: list[Hint]) -> None:
        if self._redis_breaker.is_open:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for hint in batch:
                    pipeline.publish(_topic(self._redis), json.dumps([_process.name, *hint]))
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._redis_breaker.open(error)

    def _knock(self, kinds: Iterable[str]) -> None:
        for kind in kinds:
            del self._knocks[kind]
            if self._celery_breaker.is_open:
                continue
            try:
                celery.current_app.send_task(
                    "hydra.run_due",
                    args=[kind],
                    connection=self._open_broker(),
                    retry=False,
                    ignore_result=True,
                    expires=CELERY_SECONDS,
                )
            except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
                self._celery_breaker.open(error)
                self._close_broker()

    def _open_broker(self) -> kombu.Connection:
        """A connection that gives up within a second: Celery's own would try for minutes.

        Celery's broker is the same Redis.
        """
        if self._broker is None:
            app = celery.current_app
            options = dict(app.conf.broker_transport_options)
            options |= {"max_retries": 1, "interval_start": 0, "interval_step": 0}
            options |= {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
            options |= {"retry_on_timeout": False}
            self._broker = app.connection_for_write(
                self.url, connect_timeout=SOCKET_SECONDS, transport_options=options
            )
        return self._broker

    def _close_broker(self) -> None:
        if self._broker is not None:
            self._broker.collect(SOCKET_SECONDS)  # does not talk to the broker, unlike close
            self._broker = None


class _Receiver:
    """Hears the hints of other processes, for as long as this one has listeners."""

    def __init__(self) -> None:
        self.is_running = False

    def start(self, url: str) -> None:
        self.is_running = True
        threading.Thread(target=self._run, args=(url,), name="hints-in", daemon=True).start()

    def _run(self, url: str) -> None:
        has_lost_some = False
        with _connect(url) as connection:
            while True:
                try:
                    self._receive(connection, has_lost_some)
                    return
                except (redis.RedisError, OSError) as error:
                    log.warning("hints_not_received", reason=str(error))
                if self._is_unwanted():
                    return
                has_lost_some = True
                time.sleep(SOCKET_SECONDS)

    def _is_unwanted(self) -> bool:
        """Whether to end; once it said so, the next listener starts another thread."""
        with _lock:
            self.is_running = bool(_listeners)
            return not self.is_running

    def _receive(self, connection: redis.Redis, has_lost_some: bool) -> None:
        """Pass on what arrives until nobody listens; raises when the connection is lost."""
        pubsub = connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py
        with pubsub as subscription:
            subscription.subscribe(_topic(connection))
            heard_at = time.monotonic()
            if has_lost_some:
                _tell(EVERYTHING, "")
            while not self._is_unwanted():
                message = subscription.get_message(timeout=SOCKET_SECONDS)
                if message is not None:
                    heard_at = time.monotonic()
                    _pass_on(message)
                elif time.monotonic() - heard_at > SILENCE_SECONDS:
                    # A connection that was cut without a word is silent just like an idle one.
                    if time.monotonic() - heard_at > 2 * SILENCE_SECONDS:
                        raise TimeoutError("Redis does not answer any more")
                    subscription.ping()


class _Process:
    """This process's name among those that give hints; a fork has to take another."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)


def _connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
    )


def _topic(connection: redis.Redis) -> str:
    """Publishing knows no database numbers, so the number is in the name."""
    number = connection.connection_pool.connection_kwargs.get("db") or 0
    return f"hydra:hints:{number}"


def _pass_on(message: dict[str, Any]) -> None:
    if message["type"] != "message":
        return
    try:
        origin, channel, key = json.loads(message["data"])
    except (ValueError, TypeError):
        log.warning("hint_not_understood")
        return
    if origin != _process.name:
        _tell(str(channel), str(key))


def _tell(channel: str, key: str) -> None:
    with _lock:
        callbacks = list(_listeners.values())
    for callback in callbacks:
        try:
            callback(channel, key)
        except Exception:
            # The one who gives a hint has committed its work: a listener cannot make it fail.
            log.exception("hint_listener_failed", channel=channel)


def _sender_to(url: str) -> _Sender:
    global _sender  # noqa: PLW0603  # one for the process; a fork starts afresh
    with _lock:
        if _sender is None or _sender.url != url:
            _sender = _Sender(url)
        return _sender


def _wake_waiting() -> None:
    waiting, _waiting.hints = _waiting.hints, {}
    for channel, key in waiting:
        wake(channel, key)


def _start_afresh() -> None:
    """A fork inherits neither the threads nor, safely, the connections and locks."""
    global _lock, _listeners, _sender, _receiver, _process  # noqa: PLW0603  # as above
    _lock = threading.Lock()
    _listeners = {}
    _sender = None
    _receiver = _Receiver()
    _process = _Process()


_lock = threading.Lock()
_listeners: dict[object, Listener] = {}
_sender: _Sender | None = None
_receiver = _Receiver()
_process = _Process()
_waiting = _Waiting()

if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_afresh)
