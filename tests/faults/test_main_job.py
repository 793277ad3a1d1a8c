"""The main job, as a newcomer sees it: `hydra up --demo`, one curl, and what follows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.installation import ROOT, Installation, descendants, wait_for

pytestmark = pytest.mark.faults

Install = Callable[..., Installation]


def test_one_curl_deploys_to_all_environments_and_ctrl_c_stops_everything(
    install: Install,
) -> None:
    hydra = install()

    answer = hydra.create_version("v1.0.0", commit="4be91f2", message="First")

    assert answer.status == 201
    assert answer.body["replayed"] is False
    assert [d["environment"] for d in answer.body["deployments"]] == [
        "development",
        "staging",
        "production",
    ]
    assert all(decision["fired"] for decision in answer.body["decisions"])
    for started in answer.body["deployments"]:
        shown = hydra.wait_until(started["id"], "succeeded")
        assert shown["status"] == "READY"
        assert [step["state"] for job in shown["jobs"] for step in job["steps"]] == [
            "succeeded",
            "succeeded",
        ]
    assert hydra.process is not None
    family = descendants(hydra.process.pid)
    assert hydra.stop() < 5
    wait_for(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in family),
        seconds=2,  # for whoever reaps orphans
        what="the end of every process",
    )


def test_a_second_start_keeps_the_data_and_the_credentials(install: Install) -> None:
    hydra = install()
    first = dict(hydra.facts)
    started = hydra.create_version("v1.0.0").body["deployments"][0]["id"]
    hydra.wait_until(started, "succeeded")
    hydra.stop()

    hydra.start()

    assert hydra.facts == first
    assert hydra.deployment(started)["state"] == "succeeded"
    assert hydra.create_version("v1.0.0").body["replayed"] is True


@pytest.mark.parametrize(
    ("is_other_home", "sentence"),
    [(True, "cannot be used"), (False, "Another Hydra runs in")],
)
def test_a_taken_port_and_a_taken_home_are_clear_sentences(
    install: Install, tmp_path: Path, is_other_home: bool, sentence: str
) -> None:
    hydra = install()
    environment = hydra.complete_environment()
    if is_other_home:
        environment["HYDRA_HOME"] = str(tmp_path)
    elif hydra.is_full:
        return  # many machines share what the full mode keeps, so no home is anybody's alone

    second = subprocess.run(
        [sys.executable, "-m", "hydra", "up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert second.returncode == 2
    assert sentence in second.stderr
    assert "Traceback" not in second.stderr


def test_fifty_identical_creates_at_once_make_one_version_and_one_set_of_deployments(
    install: Install,
) -> None:
    hydra = install()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: hydra.create_version("v2.0.0"), range(50)))

    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len({tuple(d["id"] for d in answer.body["deployments"]) for answer in answers}) == 1
    for started in answers[0].body["deployments"]:
        hydra.wait_until(started["id"], "succeeded")
    listed = hydra.call("GET", f"/api/v1/projects/{hydra.facts['project']}/deployments")
    assert len(listed.body["data"]) == 3
