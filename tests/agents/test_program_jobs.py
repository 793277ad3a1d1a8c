"""Jobs on a machine: fences, how many at once, the folders they leave. Real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.agent_process import AgentProcess, is_alive, pid_in, wait_for
from tests.agents.fake_server import FIRST_JOB, FakeServer, config_file, states, step


def test_a_fenced_job_is_killed_and_told_of_no_more(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("trap '' TERM; echo $$ > pid; echo up; sleep 600")
    server.wait(lambda: job.log == b"up\n")
    pid = pid_in(agent.deployment(1) / "pid")

    server.fence_off(job)
    wait_for(lambda: not is_alive(pid), "the end of the script")

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
    agent.end()  # it still clears away what it kept of the jobs
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


def test_a_job_of_safe_steps_that_was_given_away_and_comes_back_is_run_again(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    script = "echo run >> ../../../../runs; [ $(wc -l < ../../../../runs) = 2 ] || sleep 600"
    job = server.offer(steps=[step(0, script, safe_to_repeat=True)])
    server.wait(lambda: job.state == "running")
    wait_for(lambda: list(agent.work_dir.rglob("runs")), "the first run")

    server.fence_off(job)
    wait_for(lambda: "is no longer this agent's" in agent.said, "the farewell")
    with server.changed:
        job.state = "ready"
        server.changed.notify_all()
    server.wait_over(job)

    assert job.outcome == "succeeded"
    (runs,) = agent.work_dir.rglob("runs")
    assert runs.read_text() == "run\nrun\n"
