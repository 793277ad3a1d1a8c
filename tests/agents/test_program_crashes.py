"""An agent that dies, a machine that reboots, an operator who stops it: nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.agents.agent_process import AgentProcess, is_alive, wait_for
from tests.agents.conftest import NewAgent
from tests.agents.fake_server import FIRST_JOB, FakeServer, step

COUNT = 'echo {name} >> "{file}"'


def ticket_folder(agent: AgentProcess, job: str = FIRST_JOB) -> Path:
    return agent.work_dir / ".hydra-agent/spool" / job


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def counted(file: Path, *names: str) -> list[str]:
    return [COUNT.format(name=name, file=file) for name in names]


def test_killed_after_it_accepted_it_runs_the_job_once(
    server: FakeServer, agent: AgentProcess, counter: Path
) -> None:
    agent.start(crash="accepted")
    job = server.offer(*counted(counter, "one", "two"))
    assert agent.wait() == -signal.SIGKILL
    assert not counter.exists()

    agent.start()
    server.wait_over(job)

    assert server.hellos[1]["jobs"] == [{"id": FIRST_JOB, "fence": 1, "state": "accepted"}]
    assert job.outcome == "succeeded"
    assert counter.read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("crash", "ran", "outcome", "steps"),
    [
        ("started", "", "unknown", ["unknown", "skipped"]),
        ("during_step", "one\n", "unknown", ["unknown", "skipped"]),
        ("between_steps", "one\n", "unknown", ["succeeded", "unknown"]),
        ("finished_not_sent", "one\ntwo\n", "succeeded", ["succeeded", "succeeded"]),
    ],
)
def test_killed_later_it_tells_what_it_can_prove_and_runs_nothing_again(
    server: FakeServer,
    agent: AgentProcess,
    counter: Path,
    crash: str,
    ran: str,
    outcome: str,
    steps: list[str],
) -> None:
    one, two = counted(counter, "one", "two")
    job = server.offer(f"{one}; echo printed; sleep 0.2", two)
    agent.start(crash=crash)
    assert agent.wait() == -signal.SIGKILL

    agent.start()
    server.wait_over(job)

    assert job.starts == 1
    assert (counter.read_text() if counter.exists() else "") == ran
    assert job.outcome == outcome
    assert [job.steps[position]["state"] for position in (0, 1)] == steps
    assert bytes(job.log) in (b"", b"printed\n")
    assert job.finishes[0]["log_size"] == len(job.log)
    wait_for(lambda: not list(ticket_folder(agent).parent.iterdir()), "the empty spool")


def test_what_a_killed_agent_left_running_is_ended_by_the_next(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("trap '' TERM; setsid sleep 600 & echo $! > pid; echo up; wait; sleep 600")
    server.wait(lambda: job.log == b"up\n")
    child = int((agent.deployment(1) / "pid").read_text())
    agent.kill()
    assert is_alive(child)

    agent.start()
    server.wait_over(job)

    assert job.outcome == "unknown"
    assert job.reason.startswith("The agent was stopped in the middle of this job")
    assert not is_alive(child)
    assert job.log == b"up\n"


def test_the_step_in_which_the_agent_was_killed_keeps_its_attempt_and_its_part_of_the_log(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("echo first", "echo second; sleep 600", "echo third")
    server.wait(lambda: job.log == b"first\nsecond\n")
    agent.kill()

    agent.start()
    server.wait_over(job)

    assert [
        tuple(job.steps[n][name] for name in ("state", "attempt", "log_from", "log_to"))
        for n in (0, 1, 2)
    ] == [("succeeded", 1, 0, 6), ("unknown", 1, 6, 13), ("skipped", 0, 13, 13)]


def test_after_a_reboot_nothing_that_was_taken_is_run_and_no_process_is_touched(
    server: FakeServer, agent: AgentProcess, counter: Path, tmp_path: Path
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    agent.env = {"HYDRA_BOOT_ID_FILE": str(boot)}
    accepted = server.offer(*counted(counter, "accepted"))
    agent.start(crash="accepted")
    agent.wait()
    running = server.offer("echo $$ > pid; echo up; sleep 600", application="other")
    accepted.state = "elsewhere"
    server.actions[FIRST_JOB] = "report"
    # The journal's process lives on as somebody else's: only the boot tells them apart.
    boot.write_text("second\n")
    agent.start()
    server.wait(lambda: running.log == b"up\n")
    innocent = int((agent.deployment(2, "other") / "pid").read_text())
    agent.kill()
    boot.write_text("third\n")

    agent.start()
    server.wait_over(accepted, running)

    assert (accepted.outcome, running.outcome) == ("unknown", "unknown")
    assert not counter.exists()
    assert is_alive(innocent)
    os.kill(innocent, signal.SIGKILL)


@pytest.mark.parametrize("damage", ["ticket.json", "journal"])
def test_a_damaged_ticket_is_unknown_and_the_agent_goes_on(
    server: FakeServer, agent: AgentProcess, counter: Path, damage: str
) -> None:
    job = server.offer(*counted(counter, "one"))
    agent.start(crash="accepted")
    agent.wait()
    file = ticket_folder(agent) / damage
    content = bytearray(file.read_bytes())
    content[5:15] = b"\0\xff garbage"[:10]
    file.write_bytes(content)

    agent.start()
    server.wait_over(job)
    after = server.offer("echo on")
    server.wait_over(after)

    assert server.hellos[1]["jobs"] == [{"id": FIRST_JOB, "fence": 1, "state": "unknown"}]
    assert job.outcome == "unknown"
    assert after.outcome == "succeeded"
    assert not counter.exists()


def test_what_the_server_gave_away_meanwhile_is_dropped(
    server: FakeServer, agent: AgentProcess, counter: Path
) -> None:
    job = server.offer(*counted(counter, "one"))
    agent.start(crash="accepted")
    agent.wait()
    job.offer["fence"] = 2
    job.state = "elsewhere"

    agent.start()
    after = server.offer("true")
    server.wait_over(after)

    assert not counter.exists()
    assert not job.finishes
    assert not (ticket_folder(agent) / "ticket.json").exists()


def test_a_job_that_it_delivered_before_is_never_run_again(
    server: FakeServer, agent: AgentProcess, counter: Path
) -> None:
    """As a server does that was restored from last night's backup."""
    job = server.offer(*counted(counter, "one"))
    agent.start()
    server.wait_over(job)
    agent.kill()

    job.offer["fence"] += 1
    job.state = "ready"
    agent.start()
    server.wait(lambda: len(job.finishes) == 2)

    assert counter.read_text() == "one\n"
    assert job.finishes[1]["outcome"] == "succeeded"
    assert (
        job.finishes[1]["reason"] == "This agent had this job before; it is not run a second time."
    )


def test_an_offer_that_lapsed_is_taken_up_under_its_new_fence(
    server: FakeServer, agent: AgentProcess, counter: Path
) -> None:
    server.fail("/start", "reset", times=3)
    agent.start()
    job = server.offer(*counted(counter, "one"))
    server.wait(lambda: server.count("/start") >= 1)
    with server.changed:
        job.offer["fence"] = 2
        server.changed.notify_all()

    server.wait(lambda: job.state in {"fenced", "ready", "running"} or job.is_over)
    if not job.is_over:
        with server.changed:
            job.state = "ready"
            server.changed.notify_all()
    server.wait_over(job)

    assert job.outcome == "succeeded"
    assert counter.read_text() == "one\n"


def test_an_agent_that_slept_through_its_lease_is_fenced_when_it_wakes(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("echo $$ > pid; echo up; while true; do sleep 0.05; done")
    server.wait(lambda: job.log == b"up\n")
    pid = int((agent.deployment(1) / "pid").read_text())

    agent.send(signal.SIGSTOP)
    server.fence_off(job)
    agent.send(signal.SIGCONT)

    wait_for(lambda: not is_alive(pid), "the end of the script")
    assert not job.finishes


# --- Stopping it on purpose ---


def test_asked_to_end_it_lets_running_jobs_end_and_takes_no_more(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("echo up; until [ -e go ]; do sleep 0.02; done; echo done")
    server.wait(lambda: job.log == b"up\n")

    agent.send(signal.SIGTERM)
    wait_for(lambda: "No more jobs are taken" in agent.said, "the announcement")
    other = server.offer("true")
    (agent.deployment(1) / "go").touch()

    assert agent.wait() == 0
    assert (job.outcome, bytes(job.log)) == ("succeeded", b"up\ndone\n")
    assert other.starts == 0


@pytest.mark.parametrize("how", ["interrupted", "asked twice", "left alone", "drained"])
def test_told_to_stop_it_ends_what_runs_says_so_and_is_gone_within_seconds(
    server: FakeServer, agent: AgentProcess, how: str
) -> None:
    agent.start(
        *{"left alone": ["--stop-on-eof"], "drained": ["--drain-seconds", "0.3"]}.get(how, [])
    )
    job = server.offer("trap '' TERM; echo $$ > pid; echo up; sleep 600; echo never", "echo never")
    server.wait(lambda: job.log == b"up\n")
    pid = int((agent.deployment(1) / "pid").read_text())

    if how == "interrupted":
        agent.send(signal.SIGINT)
    elif how == "left alone":
        assert agent.process is not None
        assert agent.process.stdin is not None
        agent.process.stdin.close()
    else:
        agent.send(signal.SIGTERM)
    if how == "asked twice":
        wait_for(lambda: "No more jobs are taken" in agent.said, "the announcement")
        agent.send(signal.SIGTERM)

    assert agent.wait(5) == 0
    assert not is_alive(pid)
    assert (job.outcome, job.reason) == ("canceled", "The agent was stopped on its server.")
    assert [job.steps[position]["state"] for position in (0, 1)] == ["canceled", "canceled"]
    assert job.log == b"up\n"


def test_stopped_while_the_server_is_away_it_delivers_after_its_restart(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("echo up; trap 'echo bye; exit 0' TERM; while true; do sleep 0.05; done")
    server.wait(lambda: job.log == b"up\n")
    server.close()
    agent.send(signal.SIGINT)
    assert agent.wait(6) == 0

    server.open()
    agent.start()
    server.wait_over(job)

    assert job.outcome == "canceled"
    assert job.log.endswith(b"bye\n")
    assert job.finishes[0]["log_size"] == len(job.log)


def test_a_newer_agent_with_the_same_identity_makes_the_older_end_after_its_jobs(
    server: FakeServer, agent: AgentProcess, new_agent: NewAgent
) -> None:
    agent.start()
    job = server.offer("echo up; until [ -e go ]; do sleep 0.02; done")
    server.wait(lambda: job.log == b"up\n")

    newer = new_agent("clone").start()
    with server.changed:
        server.changed.notify_all()
    wait_for(lambda: "took its place" in agent.said, "the insight")
    assert agent.process is not None
    assert agent.process.poll() is None
    (agent.deployment(1) / "go").touch()

    assert agent.wait(20) == 3
    other = server.offer("echo other")
    server.wait_over(other)
    assert other.log == b"other\n"
    newer.end()
    # What it could not tell any more it tells when it is started again.
    agent.start()
    server.wait_over(job)
    assert job.outcome == "succeeded"


def test_a_server_restored_from_a_backup_is_greeted_again(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    server.wait(lambda: server.count("/poll"))
    server.session = "that of last night"
    server.hello_at = 1.0
    with server.changed:
        server.changed.notify_all()

    server.wait(lambda: len(server.hellos) == 2)
    job = server.offer("echo on")
    server.wait_over(job)

    assert job.outcome == "succeeded"


def test_a_second_agent_on_the_same_folder_is_told_to_go(
    server: FakeServer, agent: AgentProcess, new_agent: NewAgent
) -> None:
    agent.start()
    server.wait(lambda: server.hellos)
    other = new_agent()
    other.env = {"HYDRA_AGENT_LOCK_SECONDS": "0.2"}
    other.start()

    assert other.wait() == 5
    assert "Give each its own --work-dir" in other.said
    assert len(server.hellos) == 1


def test_a_ticket_holds_what_a_restart_needs_and_only_the_owner_reads_it(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.offer("true", secrets=["hush-hush"])
    agent.start(crash="accepted")
    agent.wait()

    ticket = ticket_folder(agent) / "ticket.json"
    assert json.loads(ticket.read_bytes())["steps"] == [step(0, "true")]
    assert ticket.stat().st_mode & 0o777 == 0o600
    assert ticket_folder(agent).parent.stat().st_mode & 0o777 == 0o700
