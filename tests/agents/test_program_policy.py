"""What the owner of a machine forbids does not happen, and is told before anything runs."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.agent_process import AgentProcess
from tests.agents.fake_server import KEY, FakeServer, step


def policy_file(folder: Path, **policy: object) -> str:
    file = folder / "policy.json"
    file.write_text(json.dumps(policy))
    return str(file)


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({"projects": ["blog", "docs-*"]}, "does not allow the project “shop”"),
        ({"environments": ["production"]}, "does not allow the environment “staging”"),
        ({"interpreters": ["python"]}, "does not allow bash (step 1 “Step 0”)"),
        ({"folders": ["/srv/deploys"]}, "does not allow the folder"),
        ({"max_seconds": 10}, "allows 10 s, and step 1 “Step 0” may take 30 s"),
        ({"projects": []}, "does not allow the project “shop”"),
    ],
)
def test_what_the_policy_forbids_is_refused_before_anything_runs(
    server: FakeServer,
    agent: AgentProcess,
    tmp_path: Path,
    policy: dict[str, object],
    sentence: str,
) -> None:
    agent.start("--policy", policy_file(tmp_path, **policy))
    job = server.offer("echo ran")

    server.wait_over(job)

    assert job.outcome == "failed"
    assert sentence in job.reason
    assert job.steps[0]["state"] == "skipped"
    assert not job.log
    assert not (agent.work_dir / "shop").exists()
    (name,) = policy
    assert server.hellos[0]["policy"][name] == policy[name]


def test_what_it_allows_runs(server: FakeServer, agent: AgentProcess, tmp_path: Path) -> None:
    agent.start(
        "--policy",
        policy_file(
            tmp_path,
            projects=["sh*"],
            environments=["staging"],
            interpreters=["bash"],
            folders=[str(tmp_path)],
            max_seconds=30,
        ),
    )
    job = server.offer("echo ran")

    server.wait_over(job)

    assert job.outcome == "succeeded"


def test_a_whole_job_lasts_no_longer_than_the_policy_says(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
) -> None:
    agent.start("--policy", policy_file(tmp_path, max_seconds=1), "--grace", "0.1")
    job = server.offer(steps=[step(n, "sleep 0.4", timeout_s=1) for n in range(5)])

    server.wait_over(job)

    assert job.outcome == "failed"
    assert job.reason == "It took longer than the policy of this server allows a job."
    assert job.steps[4]["state"] == "canceled"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_scripts_run_as_the_user_of_the_policy(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-", "test_")):  # pytest keeps them to itself
            folder.chmod(0o755)
    agent.folder.chmod(0o755)
    agent.start("--policy", policy_file(tmp_path, user="nobody"))
    job = server.offer("id -un; echo $HOME; touch here")

    server.wait_over(job)

    nobody = pwd.getpwnam("nobody")
    assert job.log == f"nobody\n{nobody.pw_dir}\n".encode()
    assert (agent.deployment(1) / "here").stat().st_uid == nobody.pw_uid


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"project": ["shop"]}', "unknown keys: project"),
        ('{"projects": "shop"}', "“projects” must be a list of texts"),
        ('{"interpreters": ["perl"]}', "not perl"),
        ('{"max_seconds": 0}', "must be a whole number from 1"),
        ('{"user": ""}', "must be the name of a user"),
    ],
)
def test_an_agent_with_a_policy_it_cannot_obey_does_not_start(
    server: FakeServer, agent: AgentProcess, tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(content)
    agent.start("--policy", str(file))

    assert agent.wait() == 2
    assert sentence in agent.said
    assert not server.hellos


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--key", "secret"], "An agent's key begins with hya_."),
        (["--key-file", "/nowhere/key"], "The key file cannot be read"),
        (["--server", "ftp://x"], "is not the address of a server"),
    ],
)
def test_a_wrong_start_is_a_sentence(
    server: FakeServer, agent: AgentProcess, options: list[str], sentence: str
) -> None:
    agent.start(*options)

    assert agent.wait() == 2
    assert sentence in agent.said
    assert not server.hellos


def test_what_would_be_installed_can_be_looked_at_first(archive: Path) -> None:
    command = [sys.executable, str(archive), "install", "--server", "https://hydra.example.com"]
    command += ["--max-jobs", "2", "--work-dir", "/srv/my deploys", "--print"]
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HYDRA_AGENT_KEY": KEY},
    )

    assert "[Service]" in told.stdout
    assert "run --server https://hydra.example.com --key-file " in told.stdout
    assert "--work-dir '/srv/my deploys'" in told.stdout
    assert KEY not in told.stdout + told.stderr
