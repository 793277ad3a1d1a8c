"""The archive: the same bytes from the same sources, and nothing that Python 3.9 lacks."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from agents.program import __version__
from agents.program.pack import build_pyz
from tests.agents.agent_process import AgentProcess
from tests.agents.fake_server import FakeServer, step

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "agents/protocol.py", *sorted((ROOT / "agents/program").glob("*.py"))]

# Of the standard library, what appeared after 3.9 and comes to mind first.
TOO_NEW = {
    "BaseExceptionGroup",
    "ExceptionGroup",
    "LiteralString",
    "NotRequired",
    "ParamSpec",
    "Required",
    "Self",
    "StrEnum",
    "TaskGroup",
    "TypeAlias",
    "TypeGuard",
    "UTC",
    "aclosing",
    "add_note",
    "anext",
    "assert_never",
    "batched",
    "chdir",
    "file_digest",
    "bit_count",
    "override",
    "pairwise",
    "pipesize",
    "process_group",
    "slots",
    "kw_only",
    "strict",
    "tomllib",
    "walk_up",
}


def test_the_same_sources_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_pyz(tmp_path / "first.pyz")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    old = os.umask(0o077)
    second = build_pyz(tmp_path / "second.pyz")
    os.umask(old)
    monkeypatch.undo()
    time.tzset()

    content = (tmp_path / "first.pyz").read_bytes()
    assert first == second == hashlib.sha256(content).hexdigest()
    assert content == (tmp_path / "second.pyz").read_bytes()


def test_the_archive_runs_alone(archive: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(archive), "version"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert told.stdout == f"hydra-agent {__version__}\n"
    assert told.stderr == ""


def test_the_checkout_runs_as_well() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "agents.program", "version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert told.stdout == f"hydra-agent {__version__}\n"


def test_only_the_program_and_the_protocol_are_inside(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert {"__main__.py", "agents/__init__.py", "agents/protocol.py"} < set(names)
    assert {name.split("/")[0] for name in names} == {"__main__.py", "agents"}
    assert zipfile.ZipFile(archive).read("agents/__init__.py") == b""


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_python_3_9_understands_it(source: Path) -> None:
    tree = ast.parse(source.read_text(), feature_version=(3, 9))
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for owner in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if owner is not None
        for part in ast.walk(owner)
    }
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Match)
        for name in ("id", "attr", "arg", "name"):
            value = getattr(node, name, None)
            assert value not in TOO_NEW, f"{source.name} uses {value}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            is_type = any(
                isinstance(side, ast.Constant) and side.value is None
                for side in (node.left, node.right)
            )
            assert not is_type or id(node) in annotations
    assert "from __future__ import annotations" in source.read_text()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_other_pythons_run_it_where_they_are_installed(
    server: FakeServer, agent: AgentProcess, version: str
) -> None:
    agent.python = installed(version)
    agent.env = {"PYTHONWARNINGS": "error"}
    agent.start("--grace", "0.1")
    job = server.offer(
        steps=[
            step(0, "echo my-secret-word", retries=1),
            step(1, "sleep 600", timeout_s=0.3, needs=[0]),
            step(2, "print('python')", type="python", needs=[0]),
        ],
        secrets=["my-secret-word"],
    )

    server.wait_over(job)

    assert job.reason == "Step 2 “Step 1” failed: timed out after 0.3 s."
    assert (job.part(0), job.part(2)) == (b"***\n", b"python\n")
    assert "Error" not in agent.said


def installed(version: str) -> str:
    """A Python of that version on this machine."""
    folders = [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin")]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    python = shutil.which(f"python{version}", path=path)
    works = python and subprocess.run([python, "-c", ""], check=False, capture_output=True)
    if not works or works.returncode != 0:
        pytest.skip(f"there is no Python {version} here")
    return str(python)
