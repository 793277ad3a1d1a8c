"""Celery may lose, repeat or delay anything, and is set up so that this costs nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from deployments.services import worker
from deployments.tasks import run_due
from hydra import celery
from hydra.cli.local_services import LocalPostgres, LocalValkey

ROOT = Path(__file__).resolve().parents[2]
KEY = "k1:dGVzdHMgb25seSwgdGVzdHMgb25seSwgMzIgYnl0ZXM="


def test_beat_knocks_for_every_kind_of_due_row_and_for_nothing_else() -> None:
    knocks = celery.app.conf.beat_schedule.values()

    assert [knock["args"] for knock in knocks] == [[kind] for kind in worker.KINDS]
    assert {knock["task"] for knock in knocks} == {run_due.name}
    assert {knock["schedule"] for knock in knocks} == {settings.HYDRA_SWEEP_SECONDS}


def test_a_task_ends_before_it_could_be_given_to_a_second_worker() -> None:
    conf = celery.app.conf

    assert conf.task_soft_time_limit < conf.task_time_limit <= 60
    assert conf.task_time_limit < celery.VISIBILITY_SECONDS
    for place in (conf.broker_transport_options, conf.result_backend_transport_options):
        assert place["visibility_timeout"] == celery.VISIBILITY_SECONDS
    assert conf.visibility_timeout == celery.VISIBILITY_SECONDS


def test_what_a_killed_worker_held_is_given_out_again() -> None:
    conf = celery.app.conf

    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result


@pytest.fixture
def valkey() -> Iterator[LocalValkey]:
    with LocalValkey() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, valkey: LocalValkey) -> Iterator[Path]:
    """The folder of a worker and a beat that run on services of their own, sweeping each second."""
    with ExitStack() as running:
        postgres = running.enter_context(LocalPostgres(is_durable=False))
        environment = {
            "PATH": os.environ["PATH"],
            "HYDRA_HOME": str(tmp_path),
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "s" * 50,
            "HYDRA_ENCRYPTION_KEYS": KEY,
            "HYDRA_SWEEP_SECONDS": "1",
            "REMAP_SIGTERM": "SIGQUIT",
        }
        manage = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(manage, cwd=ROOT, env=environment, check=True)
        for shape in (["worker", "--concurrency", "1"], ["beat"]):
            command = [sys.executable, "-m", "celery", "-A", "hydra.celery", *shape]
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            running.callback(end, process)
        yield tmp_path


@pytest.mark.faults
def test_the_worker_consumes_again_after_all_of_valkey_was_lost(
    home: Path, valkey: LocalValkey
) -> None:
    consumed = home / "worker.consumed"
    eventually(consumed.exists)

    os.kill(valkey.pid, signal.SIGKILL)
    valkey.stop()
    lost_at = time.time()
    with LocalValkey(port=valkey.port, password=valkey.password):
        eventually(lambda: consumed.stat().st_mtime > lost_at + 1)

    assert (home / "beat.published").exists()


def end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def eventually(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
