"""Kill it anywhere: nothing is done twice, nothing is lost, everything ends."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.installation import Answer, Installation, wait_for

pytestmark = pytest.mark.faults

Install = Callable[..., Installation]

# Durations are what agents are told, so a test may shorten them for both sides at once.
QUICK = {
    "HYDRA_LEASE_SECONDS": "3",
    "HYDRA_HEARTBEAT_SECONDS": "1",
    "HYDRA_OFFER_SECONDS": "2",
    "HYDRA_POLL_SECONDS": "2",
    "HYDRA_SWEEP_SECONDS": "1",
}


def create_until_answered(hydra: Installation, name: str) -> Answer:
    """What a pipeline does: again until there is an answer."""

    def attempt() -> Answer | None:
        if hydra.process is None or hydra.process.poll() is not None:
            hydra.process = None
            hydra.start()
        try:
            return hydra.create_version(name)
        except (OSError, http.client.HTTPException):
            return None

    return wait_for(attempt, seconds=60, what=f"an answer for {name}")


@pytest.mark.parametrize(
    ("place", "status", "is_replay"),
    [("version.before_commit", 201, False), ("version.after_commit", 200, True)],
)
def test_a_web_process_killed_around_the_commit_leaves_one_version_and_one_set_of_deployments(
    install: Install, tmp_path: Path, place: str, status: int, is_replay: bool
) -> None:
    hydra = install(
        HYDRA_SERVER_CRASH=place, HYDRA_SERVER_CRASH_ONCE=str(tmp_path / "crashed"), **QUICK
    )

    answer = create_until_answered(hydra, "v1.0.0")

    assert (tmp_path / "crashed").exists()
    assert (answer.status, answer.body["replayed"]) == (status, is_replay)
    assert len(answer.body["deployments"]) == 3
    for started in answer.body["deployments"]:
        hydra.wait_until(started["id"], "succeeded", seconds=60)
    listed = hydra.call("GET", f"/api/v1/projects/{hydra.facts['project']}/deployments")
    assert len(listed.body["data"]) == 3


@pytest.mark.parametrize("place", ["start.after_commit", "log.after_commit", "finish.after_commit"])
def test_a_server_killed_before_its_answer_to_an_agent_runs_no_step_twice(
    install: Install, tmp_path: Path, place: str
) -> None:
    runs = tmp_path / "runs"
    hydra = install(
        with_demo=False,
        steps=(f"echo $HYDRA_ENVIRONMENT >> {runs}; echo one; sleep 0.2; echo two",),
        HYDRA_SERVER_CRASH=place,
        HYDRA_SERVER_CRASH_ONCE=str(tmp_path / "crashed"),
        **(QUICK | {"HYDRA_LEASE_SECONDS": "20"}),  # longer than a start takes on a busy machine
    )
    hydra.start_agent()
    started = create_until_answered(hydra, "v1.0.0").body["deployments"]
    if not hydra.is_full:  # the one process is gone and somebody has to start it again
        wait_for(
            lambda: hydra.process is not None and hydra.process.poll() is not None,
            seconds=30,
            what="the crash",
        )
        hydra.reap()
        hydra.start()

    for one in started:
        shown = hydra.wait_until(one["id"], "succeeded", "unknown", seconds=60)
        assert shown["state"] == "succeeded"
        assert b"one\ntwo\n" in log_bytes(hydra, one["id"])

    assert (tmp_path / "crashed").exists()
    assert sorted(runs.read_text().split()) == ["development", "production", "staging"]


def test_an_agent_killed_in_a_step_that_is_not_safe_to_repeat_leaves_unknown_and_the_queue_moves(
    install: Install, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    hydra = install(
        with_demo=False,
        steps=(f"echo $HYDRA_VERSION >> {runs}; [ $HYDRA_VERSION = v1.0.1 ] || sleep 60",),
        **QUICK,
    )
    agent = hydra.start_agent()
    first = only_development(hydra, "1.0.0-a")
    hydra.wait_until(first, "running")
    wait_for(runs.exists, seconds=20, what="the step's first line")

    agent.send_signal(signal.SIGKILL)
    agent.wait()
    hydra.start_agent()

    shown = hydra.wait_until(first, "unknown", seconds=40)
    assert shown["reason"]
    assert runs.read_text().split() == ["1.0.0-a"]


def test_the_server_may_be_away_while_a_job_runs_and_its_log_is_whole_afterwards(
    install: Install, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    script = f"""
        for n in $(seq 1 200); do echo "line $n before"; done
        while [ ! -e {go} ]; do sleep 0.1; done
        for n in $(seq 1 200); do echo "line $n after"; done
    """
    lease = 12  # longer than the parts of a server take to start one after the other
    hydra = install(
        with_demo=False, steps=(script,), **(QUICK | {"HYDRA_LEASE_SECONDS": str(lease)})
    )
    hydra.start_agent()
    started = only_development(hydra, "away-1")
    hydra.wait_until(started, "running")

    hydra.kill()
    with pytest.raises((OSError, http.client.HTTPException)):
        hydra.call("GET", "/healthz")
    go.touch()
    wait_until_passed(lease + 1)
    hydra.start()

    hydra.wait_until(started, "succeeded", seconds=60)
    expected = [f"line {n} before" for n in range(1, 201)] + [
        f"line {n} after" for n in range(1, 201)
    ]
    assert log_bytes(hydra, started).decode().splitlines() == expected


def test_output_of_every_kind_arrives_byte_for_byte(install: Install, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    wanted.write_bytes(
        b"\xff\xfe invalid \x80 utf-8\n\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07\n"
        b"<script>alert(1)</script>\nprogress 1%\rprogress 2%\r\n\x00 NUL\n"
        + b"x" * 50_000_000
        + b"\nno newline at the end"
    )
    hydra = install(with_demo=False, steps=(f"cat {wanted}",))
    hydra.start_agent()

    started = only_development(hydra, "bytes-1")

    hydra.wait_until(started, "succeeded", seconds=90)
    assert log_bytes(hydra, started) == wanted.read_bytes()


def test_without_redis_for_the_whole_run_everything_is_slower_and_nothing_is_wrong(
    install: Install,
) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    environment = {"REDIS_URL": nowhere} if os.environ.get("HYDRA_TEST_DB") == "postgres" else {}
    hydra = install(**environment, **QUICK)

    answer = hydra.create_version("v1.0.0")

    assert answer.status == 201
    for started in answer.body["deployments"]:
        hydra.wait_until(started["id"], "succeeded", seconds=60)


def only_development(hydra: Installation, name: str) -> str:
    """Create a version that the demo's rules send to Development alone."""
    answer = hydra.create_version(name)
    assert answer.status == 201, answer
    (started,) = answer.body["deployments"]
    uid: str = started["id"]
    return uid


def log_bytes(hydra: Installation, uid: str) -> bytes:
    """The log as it is stored, through the database and not through any decoding."""
    code = (
        "import sys, zlib\n"
        "from deployments.models import LogChunk\n"
        f"rows = LogChunk.objects.filter(job__deployment__uid={uid!r}).order_by('offset')\n"
        "for row in rows.iterator(chunk_size=4):\n"
        "    sys.stdout.write(zlib.decompress(row.content).hex())\n"
    )
    return bytes.fromhex(hydra.run_python(code))


def wait_until_passed(seconds: float) -> None:
    """Let real time pass: what is tested is an absence that is longer than a lease."""
    signal.sigtimedwait([], seconds)
