"""What a script began ends with its step or its job, or on a cancel. Real processes."""

from __future__ import annotations

import os
import signal

import pytest

from tests.agents.agent_process import AgentProcess, is_alive, pid_in, wait_for
from tests.agents.fake_server import FakeServer, states, step


def test_a_child_in_the_background_does_not_hold_the_step_up(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("sleep 600 & echo $! > pid; echo done")

    server.wait_over(job)

    assert (job.outcome, bytes(job.log)) == ("succeeded", b"done\n")
    assert not is_alive(pid_in(agent.deployment(1) / "pid"))


DOUBLE_FORK = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('pid', 'w').write(str(os.getpid()))
        {shed}
        os.closerange(0, 3)
        time.sleep(600)
    os._exit(0)
while not os.path.exists('pid') or not open('pid').read(): time.sleep(0.01)
"""


def test_a_child_that_forked_twice_ends_with_its_job(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(steps=[step(0, DOUBLE_FORK.format(shed=""), type="python")])

    server.wait_over(job)

    assert job.outcome == "succeeded"
    wait_for(lambda: not is_alive(pid_in(agent.deployment(1) / "pid")), "the end of the daemon")


@pytest.mark.parametrize("shed", ["", "os.execve('/bin/sleep', ['sleep', '600'], {})"])
def test_a_cancel_finds_a_child_that_forked_twice(
    server: FakeServer, agent: AgentProcess, shed: str
) -> None:
    """Even if it shed its session and its whole environment."""
    agent.start("--grace", "0.5")
    script = DOUBLE_FORK.format(shed=shed) + "\nprint('there')\ntime.sleep(600)"
    job = server.offer(steps=[step(0, script, type="python")])
    server.wait(lambda: job.log == b"there\n")

    server.cancel(job)
    server.wait_over(job)

    assert job.outcome == "canceled"
    assert not is_alive(pid_in(agent.deployment(1) / "pid"))


def test_what_took_a_session_of_its_own_and_shed_its_mark_outlives_the_job(
    server: FakeServer, agent: AgentProcess
) -> None:
    """This is how a script starts a server on a machine without a service manager."""
    agent.start()
    script = "env -u HYDRA_JOB setsid sh -c 'echo $$ > pid; exec sleep 600' >/dev/null 2>&1 &\n"
    job = server.offer(script + "until [ -s pid ]; do sleep 0.01; done")

    server.wait_over(job)
    other = server.offer("true")
    server.wait_over(other)

    pid = pid_in(agent.deployment(1) / "pid")
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_cancel_ends_even_a_script_that_ignores_the_asking(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start("--grace", "0.4")
    job = server.offer(
        steps=[
            step(
                0,
                "trap 'echo ignored' TERM; echo $$ > pid; echo up; while true; do sleep 0.05; done",
            ),
            step(1, "echo never", run_when="always"),
        ]
    )
    server.wait(lambda: job.log == b"up\n")

    server.cancel(job)
    server.wait_over(job)

    assert (job.outcome, job.reason) == ("canceled", "Canceled.")
    assert states(job) == {0: "canceled", 1: "canceled"}
    assert job.log.startswith(b"up\n")
    assert b"ignored" in job.log
    assert not is_alive(pid_in(agent.deployment(1) / "pid"))


def test_a_cancel_lets_a_script_clean_up(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer(
        "trap 'echo cleaning; exit 1' TERM; echo up; while true; do sleep 0.05; done"
    )
    server.wait(lambda: job.log == b"up\n")

    server.cancel(job)
    server.wait_over(job)

    assert job.outcome == "canceled"
    assert job.log.endswith(b"cleaning\n")


def test_a_cancel_reaches_an_agent_that_has_no_slot_free(
    server: FakeServer, agent: AgentProcess
) -> None:
    server.heartbeat_s = 60
    agent.start("--max-jobs", "1")
    job = server.offer("sleep 600")
    waiting = server.offer("echo next")
    server.wait(lambda: job.state == "running")

    server.cancel(job)
    server.wait_over(job, waiting)

    assert (job.outcome, waiting.outcome) == ("canceled", "succeeded")
