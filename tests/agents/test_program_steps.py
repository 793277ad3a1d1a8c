"""What the steps of a job do on a machine: order, limits, failures, what scripts see. No fakes."""

from __future__ import annotations

from pathlib import Path

from tests.agents.agent_process import AgentProcess, is_alive, pid_in
from tests.agents.fake_server import FakeServer, config_file, states, step


def test_a_job_runs_its_steps_with_its_files_and_variables(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(
        'echo "deploying $HYDRA_VERSION"; cat "$HYDRA_CONFIG_DIR/app.env" "$HYDRA_CONFIG_DIR/a/b"',
        "echo to standard error >&2; pwd",
        files=[config_file("app.env", b"A=1\r\nB=2"), config_file("a/b", b"\0\xff")],
        env={"HYDRA_VERSION": "v1.0.0"},
    )

    server.wait_over(job)

    folder = agent.deployment(1)
    assert (job.outcome, job.reason) == ("succeeded", "")
    assert job.part(0) == b"deploying v1.0.0\nA=1\r\nB=2\0\xff"
    assert job.part(1) == f"to standard error\n{folder}\n".encode()
    assert job.finishes[0]["log_size"] == len(job.log)
    assert [report["exit_code"] for report in job.finishes[0]["steps"]] == [0, 0]
    assert (folder / "config/app.env").stat().st_mode & 0o777 == 0o600
    assert (folder / "scripts/0.sh").stat().st_mode & 0o777 == 0o700
    assert (folder.parent.parent / "current").readlink() == Path("deployments/d_1")


def test_the_first_line_arrives_while_the_step_still_runs(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("echo first; while [ ! -e go ]; do sleep 0.02; done; echo second")

    server.wait(lambda: job.log == b"first\n")
    server.wait(lambda: job.steps.get(0, {}).get("state") == "running")
    (agent.deployment(1) / "go").touch()
    server.wait_over(job)

    assert job.log == b"first\nsecond\n"
    assert job.history[0] == "0 running"


def test_a_failed_step_ends_the_job_except_for_what_is_made_for_failures(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(
        steps=[
            step(0, "exit 3", name="Migrate"),
            step(1, "echo never"),
            step(2, "echo rescue", run_when="failure"),
            step(3, "echo always", run_when="always"),
            step(4, "echo never"),
        ]
    )

    server.wait_over(job)

    assert job.outcome == "failed"
    assert job.reason == "Step 1 “Migrate” failed: exit code 3."
    assert states(job) == {
        0: "failed",
        1: "skipped",
        2: "succeeded",
        3: "succeeded",
        4: "skipped",
    }
    assert job.steps[1]["reason"] == "An earlier step failed."
    assert job.log == b"rescue\nalways\n"
    assert not (agent.deployment(1).parent.parent / "current").exists()


def test_a_step_that_may_fail_fails_alone(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer(
        steps=[
            step(0, "kill -SEGV $$", continue_on_error=True),
            step(1, "echo on"),
            step(2, "echo never", run_when="failure"),
        ]
    )

    server.wait_over(job)

    assert job.outcome == "succeeded"
    assert states(job) == {0: "failed", 1: "succeeded", 2: "skipped"}
    assert (job.steps[0]["reason"], job.steps[0]["exit_code"]) == ("ended by SIGSEGV", 139)


def test_a_step_is_tried_again_as_often_as_it_says(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    script = "echo try >> tries; echo out; [ $(wc -l < tries) -ge 3 ]"
    good = server.offer(steps=[step(0, script, retries=2)])
    bad = server.offer(steps=[step(0, script, retries=1)])

    server.wait_over(good, bad)

    assert (good.outcome, good.steps[0]["attempt"]) == ("succeeded", 3)
    assert good.part(0) == b"out\nout\nout\n"
    assert (bad.outcome, bad.steps[0]["attempt"]) == ("failed", 2)


def test_a_step_that_takes_too_long_is_ended_with_all_it_began(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start("--grace", "0.2")
    job = server.offer(
        steps=[step(0, "sleep 600 & echo $! > pid; echo waiting; wait", timeout_s=0.5)]
    )

    server.wait_over(job)

    assert job.outcome == "failed"
    assert job.reason == "Step 1 “Step 0” failed: timed out after 0.5 s."
    assert job.log == b"waiting\n"
    assert not is_alive(pid_in(agent.deployment(1) / "pid"))


def test_without_a_limit_of_its_own_a_step_has_the_agents(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start("--timeout", "0.4", "--grace", "0.1")
    job = server.offer(steps=[step(0, "sleep 600", timeout_s=None)])

    server.wait_over(job)

    assert job.reason.endswith("timed out after 0.4 s.")


def test_steps_run_at_once_if_their_needs_are_met_and_each_keeps_its_part_of_the_log(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    meet = (
        "for i in 1 2 3; do echo {me}$i; done; touch {me}; "
        "until [ -e {other} ]; do sleep 0.01; done"
    )
    job = server.offer(
        steps=[
            step(0, "echo begin"),
            step(1, meet.format(me="a", other="b") + "; echo a4", needs=[0]),
            step(2, meet.format(me="b", other="a") + "; echo b4", needs=[0]),
            step(3, "echo end", needs=[1, 2]),
        ]
    )

    server.wait_over(job)

    assert job.outcome == "succeeded"
    assert job.part(1) == b"a1\na2\na3\na4\n"
    assert job.part(2) == b"b1\nb2\nb3\nb4\n"
    assert [job.part(0), job.part(3)] == [b"begin\n", b"end\n"]
    assert len(job.log) == sum(len(job.part(position)) for position in range(4))


def test_a_failure_hurts_only_the_steps_that_need_it(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(
        steps=[
            step(0, "exit 1"),
            step(1, "echo independent"),
            step(2, "echo never", needs=[0]),
            step(3, "echo after", needs=[1]),
            step(4, "echo rescue", needs=[2], run_when="failure"),
        ]
    )

    server.wait_over(job)

    assert states(job) == {
        0: "failed",
        1: "succeeded",
        2: "skipped",
        3: "succeeded",
        4: "succeeded",
    }
    assert job.outcome == "failed"


def test_python_scripts_run_and_print_as_they_go(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer(
        steps=[
            step(
                0, "import os\nprint('hello')\nwhile not os.path.exists('go'): pass", type="python"
            )
        ]
    )

    server.wait(lambda: job.log == b"hello\n")
    (agent.deployment(1) / "go").touch()

    server.wait_over(job)
    assert job.outcome == "succeeded"


def test_a_missing_interpreter_is_a_sentence(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer(steps=[step(0, "Write-Host", type="powershell")], env={"PATH": "/nowhere"})

    server.wait_over(job)

    assert job.outcome == "failed"
    assert "This server has no pwsh or powershell to run the script with" in job.reason


def test_scripts_see_the_environment_of_the_machine_but_nothing_of_hydras_own(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.env = {"JAVA_HOME": "/opt/java", "DATABASE_URL": "postgres://secret", "SECRET_KEY": "x"}
    agent.start()
    job = server.offer("env", env={"HYDRA_VERSION": "v1", "LIMIT": "a\nb"})

    server.wait_over(job)

    assert b"JAVA_HOME=/opt/java\n" in job.log
    assert b"HYDRA_VERSION=v1\n" in job.log
    assert b"LIMIT=a\nb\n" in job.log
    for name in (b"HYDRA_AGENT_KEY", b"HYDRA_CRASH", b"DATABASE_URL", b"SECRET_KEY"):
        assert name not in job.log
