"""What lies between agent and server: lost answers, error pages, absence, strangers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.agents.agent_process import AgentProcess, wait_for
from tests.agents.fake_server import FIRST_JOB, FakeServer, step

KINDS = ["lost", "reset", "html", "bad_gateway", "torn", "away"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/hello", "/poll", "/start", "/report", "/log", "/finish"])
def test_whatever_happens_to_an_answer_the_job_runs_once_and_is_told_of_whole(
    server: FakeServer, agent: AgentProcess, tmp_path: Path, path: str, kind: str
) -> None:
    counter = tmp_path / "runs"
    server.fail(path, kind, times=2)
    agent.start()
    job = server.offer(f'echo one >> "{counter}"; echo out; sleep 0.3; echo more', "echo end")

    server.wait_over(job)

    assert counter.read_text() == "one\n"
    assert job.outcome == "succeeded"
    assert job.log == b"out\nmore\nend\n"
    assert job.finishes[0]["log_size"] == len(job.log)


def test_heartbeats_go_on_beside_a_job_and_survive_trouble(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.heartbeat_s = 0.1
    server.fail("/heartbeat", "bad_gateway", times=2)
    agent.start()
    job = server.offer("until [ -e go ]; do sleep 0.02; done")

    server.wait(lambda: job.renewed >= 3)
    (agent.deployment(1) / "go").touch()
    server.wait_over(job)

    assert server.heartbeats[-1]["running"] in ([{"id": FIRST_JOB, "fence": 1}], [])


def test_a_silent_job_hears_of_its_cancel_through_the_pulse(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.heartbeat_s = 0.1
    agent.start("--grace", "0.2")
    job = server.offer("sleep 600")
    server.wait(lambda: job.state == "running")
    server.fail("/poll", "away", times=10_000)  # no other way is open

    server.cancel(job)
    server.wait_over(job)

    assert job.outcome == "canceled"


def test_while_the_server_is_away_the_step_goes_on_and_its_log_is_whole_afterwards(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(
        "echo begin; until [ -e go ]; do sleep 0.02; done; seq 200000; echo end",
        "echo second step",
    )
    server.wait(lambda: job.log == b"begin\n")
    server.close()

    (agent.deployment(1) / "go").touch()
    wait_for(lambda: "succeeded" in agent.said, "the end of the job")
    server.open()
    server.wait_over(job)

    numbers = b"".join(b"%d\n" % number for number in range(1, 200_001))
    assert job.log == b"begin\n" + numbers + b"end\nsecond step\n"
    assert job.outcome == "succeeded"
    assert "The server answers again." in agent.said


def test_an_unreachable_server_is_not_called_in_a_frenzy(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.fail("/hello", "bad_gateway", times=10_000)
    agent.start()
    server.wait(lambda: server.count("/hello") >= 2)

    began, before = time.monotonic(), server.count("/hello")
    server.wait(lambda: time.monotonic() - began > 1.5)

    assert server.count("/hello") - before <= 12
    assert agent.said.count("does not answer") == 1


def test_a_server_that_does_not_park_polls_is_not_asked_in_a_frenzy(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.poll_s = 0.0
    agent.start()
    server.wait(lambda: server.count("/poll") >= 1)

    began, before = time.monotonic(), server.count("/poll")
    server.wait(lambda: time.monotonic() - began > 1.5)

    assert server.count("/poll") - before < 30


def test_an_unknown_key_is_said_once_and_tried_again(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.key = "hya_another"
    agent.start()
    wait_for(lambda: "does not let this agent in: Unknown key." in agent.said, "the complaint")
    assert agent.said.count("does not let") == 1

    assert agent.process is not None
    assert agent.process.poll() is None


def test_the_key_is_never_said(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer("echo hi")
    server.wait_over(job)
    server.close()
    wait_for(lambda: "does not answer" in agent.said, "the complaint")

    assert agent.env.get("HYDRA_AGENT_KEY") is None
    assert "madeUpForTheTests" not in agent.said


def test_a_hello_says_who_is_there(server: FakeServer, agent: AgentProcess) -> None:
    agent.start("--max-jobs", "7")
    server.wait(lambda: server.hellos)

    (hello,) = server.hellos
    assert set(hello) == {
        "protocol",
        "session",
        "version",
        "platform",
        "hostname",
        "python",
        "max_jobs",
        "policy",
        "clock",
        "jobs",
    }
    assert (hello["protocol"], hello["max_jobs"], hello["jobs"]) == (1, 7, [])
    assert hello["policy"]["projects"] is None


def test_a_job_nobody_can_read_is_refused_with_its_reason(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    strange = server.offer(steps=[step(0, "x", type="cobol")])
    circle = server.offer(steps=[step(0, "x", needs=[1]), step(1, "x", needs=[0])])
    binary = server.offer("true", files=[{"name": "a", "content_b64": "!"}])

    server.wait_over(strange, circle, binary)

    assert "this agent knows bash, python, powershell" in strange.reason
    assert "go round in a circle" in circle.reason
    assert "is not base64" in binary.reason
