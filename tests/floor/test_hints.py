"""Hints: at once within a process, through Redis between processes, and never in anybody's way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from hydra import hints
from hydra.cli.local_services import LocalValkey

PATIENCE_SECONDS = 5


class Ear:
    """A listener that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.heard: list[hints.Hint] = []
        self.threads: set[str] = set()

    def __call__(self, channel: str, key: str) -> None:
        self.threads.add(threading.current_thread().name)
        self.heard.append((channel, key))

    def soon_hears(self, *wanted: hints.Hint) -> bool:
        return eventually(lambda: set(wanted) <= set(self.heard))


def eventually(is_so: Callable[[], object]) -> bool:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        if is_so():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(autouse=True)
def nobody_listens_yet() -> None:
    """What other tests of this process left listening hears another Redis."""
    hints._start_afresh()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    stop = hints.listen(ear)
    yield ear
    stop()


def knocks(client: redis.Redis) -> bool:
    """Whether a knock arrives at Celery by now, giving another one."""
    hints.wake("worker", "again")
    return client.llen("hydra") > 0


# --- In one process --------------------------------------------------------------------------


@pytest.fixture
def embedded(settings: Settings) -> None:
    settings.REDIS_URL = ""


def test_a_hint_is_heard_at_once_by_everybody_in_the_process(embedded: None, ear: Ear) -> None:
    other = Ear()
    stop = hints.listen(other)

    hints.wake("agent", "agt_1")
    hints.wake("worker")
    stop()

    assert ear.heard == other.heard == [("agent", "agt_1"), ("worker", "")]


def test_who_stopped_listening_hears_nothing_more(embedded: None) -> None:
    ear = Ear()
    stop = hints.listen(ear)

    stop()
    stop()
    hints.wake("agent", "agt_1")

    assert ear.heard == []


def test_a_listener_that_fails_harms_neither_the_others_nor_the_one_who_hints(
    embedded: None,
) -> None:
    def fails(_channel: str, _key: str) -> None:
        raise RuntimeError("Event loop is closed")

    stop_failing = hints.listen(fails)
    ear = Ear()
    stop = hints.listen(ear)

    hints.wake("agent", "agt_1")
    stop()
    stop_failing()

    assert ear.heard == [("agent", "agt_1")]


def test_a_listener_may_stop_itself_while_it_is_called(embedded: None) -> None:
    heard = []

    def once(channel: str, _key: str) -> None:
        heard.append(channel)
        stop()

    stop = hints.listen(once)
    hints.wake("agent")
    hints.wake("agent")

    assert heard == ["agent"]


@pytest.mark.django_db
def test_many_of_the_same_hint_in_one_transaction_are_one(
    embedded: None, ear: Ear, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(10):
            hints.wake_on_commit("worker", "outbox")
            hints.wake_on_commit("agent", "agt_1")
        assert ear.heard == []

    assert ear.heard == [("worker", "outbox"), ("agent", "agt_1")]


@pytest.mark.django_db(transaction=True)
def test_a_hint_waits_for_the_commit_and_a_rollback_loses_no_later_one(
    embedded: None, ear: Ear
) -> None:
    with transaction.atomic():
        hints.wake_on_commit("agent", "agt_1")
        transaction.set_rollback(True)
    assert ear.heard == []

    with transaction.atomic():
        hints.wake_on_commit("agent", "agt_2")
        assert ear.heard == []

    assert ("agent", "agt_2") in ear.heard
    hints.wake_on_commit("agent", "agt_3")  # outside of a transaction: at once
    assert ear.heard[-1] == ("agent", "agt_3")


# --- Through Redis ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def valkey() -> Iterator[LocalValkey]:
    with LocalValkey() as server:
        yield server


@pytest.fixture
def full(settings: Settings, valkey: LocalValkey, monkeypatch: pytest.MonkeyPatch) -> LocalValkey:
    settings.REDIS_URL = valkey.url
    monkeypatch.setattr(hints, "BREAKER_SECONDS", 0.2)
    monkeypatch.setattr(hints, "SOCKET_SECONDS", 0.2)
    return valkey


@pytest.fixture
def client(full: LocalValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(full.url) as connection:
        yield connection


@pytest.fixture
def far_ear(client: redis.Redis) -> Iterator[Ear]:
    """Listens, and has subscribed by the time the test begins."""
    ear = Ear()
    stop = hints.listen(ear)
    assert eventually(lambda: client.pubsub_numsub("hydra:hints:0")[0][1])
    yield ear
    stop()
    assert eventually(lambda: not client.pubsub_numsub("hydra:hints:0")[0][1])


def publish(client: redis.Redis, *message: str) -> None:
    client.publish("hydra:hints:0", json.dumps(message))


def test_a_hint_of_another_process_is_heard(client: redis.Redis, far_ear: Ear) -> None:
    publish(client, "another process", "agent", "agt_1")

    assert far_ear.soon_hears(("agent", "agt_1"))
    assert far_ear.threads == {"hints-in"}


def test_ones_own_hint_is_heard_once(client: redis.Redis, far_ear: Ear) -> None:
    hints.wake("agent", "agt_1")
    publish(client, "another process", "agent", "the end")

    assert far_ear.soon_hears(("agent", "the end"))
    assert far_ear.heard.count(("agent", "agt_1")) == 1


@pytest.mark.parametrize("garbage", ["", "{", "[]", '"text"', "[1,2]", "5", "\xff"])
def test_what_is_no_hint_is_passed_over(client: redis.Redis, far_ear: Ear, garbage: str) -> None:
    client.publish("hydra:hints:0", garbage)
    publish(client, "another process", "agent", "agt_1")

    assert far_ear.soon_hears(("agent", "agt_1"))


TWO_PROCESSES = """
import os, sys, time
import django
django.setup()
from hydra import hints

heard = []
stop = hints.listen(lambda channel, key: heard.append((channel, key)))
time.sleep(0.3)
if not (child := os.fork()):
    hints.wake("agent", "from the fork")
    time.sleep(0.5)
    os._exit(0 if heard == [] else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(0 if status == 0 and heard == [("agent", "from the fork")] else f"{status} {heard}")
"""


def test_a_fork_is_another_process(full: LocalValkey, tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "hydra.settings",
        "HYDRA_HOME": str(tmp_path),
        "REDIS_URL": full.url,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "SECRET_KEY": "only-for-tests-" * 5,
        "HYDRA_ENCRYPTION_KEYS": "t:dGVzdHMgb25seSwgdGVzdHMgb25seSwgMzIgYnl0ZXM=",
    }

    done = subprocess.run(
        [sys.executable, "-c", TWO_PROCESSES],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_hint_for_the_worker_knocks_at_celery(client: redis.Redis) -> None:
    client.delete("hydra")

    hints.wake("worker", "deliveries")
    hints.wake("agent", "agt_1")

    assert eventually(lambda: client.llen("hydra") == 1)
    message = json.loads(client.lindex("hydra", 0) or b"")
    assert message["headers"]["task"] == "hydra.run_due"
    assert message["headers"]["argsrepr"] == "['deliveries']"
    assert message["headers"]["expires"] is not None


def test_a_burst_of_the_same_hint_is_a_few_knocks(client: redis.Redis) -> None:
    client.delete("hydra")

    for _ in range(1000):
        hints.wake("worker", "outbox")

    assert eventually(lambda: client.llen("hydra"))
    time.sleep(0.2)
    assert 1 <= client.llen("hydra") < 50


def test_a_hint_just_after_a_knock_is_knocked_for_a_moment_later(client: redis.Redis) -> None:
    client.delete("hydra")
    hints.wake("worker", "outbox")
    assert eventually(lambda: client.llen("hydra") == 1)

    hints.wake("worker", "outbox")

    assert eventually(lambda: client.llen("hydra") == 2)


def test_nobody_waits_for_a_redis_that_hangs(full: LocalValkey, client: redis.Redis) -> None:
    hints.wake("worker", "before")
    assert eventually(lambda: client.llen("hydra"))
    client.delete("hydra")

    os.kill(full.pid, signal.SIGSTOP)
    started = time.monotonic()
    for number in range(50):
        hints.wake("worker", f"kind {number}")
    took = time.monotonic() - started
    time.sleep(1.5)
    os.kill(full.pid, signal.SIGCONT)

    assert took < 0.2
    assert eventually(lambda: knocks(client))


def test_hints_go_on_when_redis_comes_back_and_listeners_are_told_to_look_at_everything(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "BREAKER_SECONDS", 0.2)
    monkeypatch.setattr(hints, "SOCKET_SECONDS", 0.2)
    first = LocalValkey()
    first.start()
    settings.REDIS_URL = first.url
    ear = Ear()
    stop = hints.listen(ear)
    with redis.Redis.from_url(first.url) as client:
        assert eventually(lambda: client.pubsub_numsub("hydra:hints:0")[0][1])

    os.kill(first.pid, signal.SIGKILL)
    first.stop()
    hints.wake("worker", "while it is away")
    with LocalValkey(port=first.port, password=first.password) as second:
        assert ear.soon_hears((hints.EVERYTHING, ""))
        with redis.Redis.from_url(second.url) as client:
            publish(client, "another process", "agent", "agt_1")
            assert ear.soon_hears(("agent", "agt_1"))
            assert eventually(lambda: knocks(client))
        stop()
        assert eventually(lambda: "hints-in" not in {each.name for each in threading.enumerate()})
