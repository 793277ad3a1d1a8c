"""What a job does on a machine: steps, folders, limits, cancels. Real processes, real sockets."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.agents.agent_process import AgentProcess, is_alive, wait_for
from tests.agents.fake_server import FIRST_JOB, FakeServer, config_file, step


def states(job: object) -> dict[int, str]:
    return {position: report["state"] for position, report in job.steps.items()}  # type: ignore[attr-defined]


def pid_in(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text().strip(), f"the pid in {path.name}")
    return int(path.read_text())


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


def test_a_child_in_the_background_does_not_hold_the_step_up(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("sleep 600 & echo $! > pid; echo done")

    server.wait_over(job, seconds=5)

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
    server.wait_over(job, seconds=5)

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
    server.wait_over(job, waiting, seconds=8)

    assert (job.outcome, waiting.outcome) == ("canceled", "succeeded")


def test_a_fenced_job_is_killed_and_told_of_no_more(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("trap '' TERM; echo $$ > pid; echo up; sleep 600")
    server.wait(lambda: job.log == b"up\n")
    pid = pid_in(agent.deployment(1) / "pid")

    server.fence_off(job)
    wait_for(lambda: not is_alive(pid), "the end of the script", seconds=5)

    log = agent.work_dir / f".hydra-agent/spool/{FIRST_JOB}/log"
    wait_for(lambda: "is no longer this agent's" in agent.said, "the farewell")
    assert log.read_bytes() == b"up\n"
    assert not (log.parent / "ticket.json").exists()  # its secrets
    assert not job.finishes


def test_up_to_the_limit_jobs_run_at_once(server: FakeServer, agent: AgentProcess) -> None:
    agent.start("--max-jobs", "2")
    script = "echo up; until [ -e go ]; do sleep 0.01; done"
    first, second, third = (server.offer(script) for _ in range(3))

    server.wait(lambda: first.log and second.log)
    assert third.starts == 0
    (agent.deployment(1) / "go").touch()
    server.wait_over(first)
    server.wait(lambda: third.log)
    (agent.deployment(2) / "go").touch()
    (agent.deployment(3) / "go").touch()

    server.wait_over(second, third)


def test_two_jobs_of_one_target_never_run_at_once(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    script = (
        "echo $HYDRA_NUMBER in >> ../../order; sleep 0.3; echo $HYDRA_NUMBER out >> ../../order"
    )
    jobs = [
        server.offer(script, application="web", env={"HYDRA_NUMBER": str(number)})
        for number in range(3)
    ]

    server.wait_over(*jobs)

    order = (agent.work_dir / "shop/web/staging/order").read_text().split("\n")
    assert [line[2:] for line in order if line] == ["in", "out"] * 3


ESCAPES = [
    "../x",
    "/etc/x",
    "a/../../x",
    "C:x",
    "C:\\x",
    "a\\..\\x",
    "a\0b",
    "",
    "a//b",
    ".",
    "nul",
    "x ",
]


def test_a_configuration_file_cannot_leave_its_folder(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    jobs = [
        server.offer(
            "echo ran > ../ran", files=[config_file("good", b"1"), config_file(name, b"x")]
        )
        for name in ESCAPES
    ]

    server.wait_over(*jobs)

    for name, job in zip(ESCAPES, jobs, strict=True):
        assert job.outcome == "failed", name
        assert "Nothing was run." in job.reason
        assert states(job) == {0: "skipped"}
    written = [path for path in agent.work_dir.rglob("*") if path.is_file()]
    assert all(".hydra-agent" in path.parts for path in written)


def test_a_link_where_a_file_belongs_is_replaced_and_one_where_a_folder_belongs_refused(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "app.env").write_text("untouched")
    config = agent.deployment(1) / "config"
    config.mkdir(parents=True)
    (config / "app.env").symlink_to(victim / "app.env")
    (config / "sub").symlink_to(victim)
    agent.start()

    bad = server.offer("true", files=[config_file("sub/app.env", b"new")])
    server.wait_over(bad)
    good = server.offer(
        "true", files=[config_file("app.env", b"new")], deployment="d_1", application="web1"
    )
    server.wait_over(good)

    assert bad.outcome == "failed"
    assert "is not a folder of its own" in bad.reason
    assert good.outcome == "succeeded"
    assert (config / "app.env").read_text() == "new"
    assert not (config / "app.env").is_symlink()
    assert (victim / "app.env").read_text() == "untouched"


@pytest.mark.parametrize("field", ["project", "application", "environment", "deployment"])
def test_a_name_that_is_no_folder_refuses_the_job(
    server: FakeServer, agent: AgentProcess, field: str
) -> None:
    values = ["..", "a/b", "", "a\0", ".hidden", "-x", "x.", 7, None]
    agent.start()
    jobs = [server.offer("echo ran", **{field: value}) for value in values]

    server.wait_over(*jobs)

    for value, job in zip(values, jobs, strict=True):
        assert job.outcome == "failed"
        assert job.reason == f"The {field} {value!r} cannot be the name of a folder."
        assert not job.log


def test_the_newest_successes_are_kept_and_never_the_last_good_one_removed(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start("--keep", "2")
    target = agent.work_dir / "shop/web/staging"

    for number in range(1, 9):
        script = "exit 1" if number >= 5 else "true"
        server.wait_over(server.offer(script, application="web"))
        if number == 4:
            wait_for(lambda: len(list((target / "deployments").iterdir())) == 2, "the clearing")

    # Four failures later: the two successes still there, and as many failures.
    kept = {"d_3", "d_4", "d_7", "d_8"}
    wait_for(lambda: {f.name for f in (target / "deployments").iterdir()} == kept, "the clearing")
    assert (target / "current").resolve().name == "d_4"


def test_a_job_that_cannot_be_stored_is_refused_before_anything_runs(
    server: FakeServer, agent: AgentProcess
) -> None:
    # A file where the ticket's folder has to be: as useless as a full disk.
    spool = agent.work_dir / ".hydra-agent/spool"
    agent.start()
    server.wait(lambda: server.hellos)
    wait_for(spool.exists, "the spool")
    (spool / FIRST_JOB).write_text("in the way")
    job = server.offer("echo ran")

    server.wait_over(job)

    assert job.outcome == "failed"
    assert job.reason.startswith("The job could not be stored here, nothing ran:")
    assert not job.log
