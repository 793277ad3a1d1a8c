"""The `hydra` command, as somebody runs it who is not where the server is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.cli import processes

ROOT = Path(__file__).resolve().parents[2]
NOT_HANDED_ON = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")


def test_verifying_where_there_is_no_database_says_what_to_set(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}

    done = subprocess.run(
        [sys.executable, "-m", "hydra", "verify-audit"],
        cwd=ROOT,
        env={**environment, "HYDRA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "Set HYDRA_HOME, or DATABASE_URL and REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("given", "is_used"), [("", 8000), ("8123", 8123), (" 1 ", 1)])
def test_the_port_is_what_the_environment_says_else_8000(
    monkeypatch: pytest.MonkeyPatch, given: str, is_used: int
) -> None:
    monkeypatch.setenv("PORT", given)
    monkeypatch.delenv("HYDRA_LIVE_PORT", raising=False)

    assert (processes.port(), processes.live_port()) == (is_used, is_used + 1)


@pytest.mark.parametrize(
    "given", ["0", "65536", "-1", "http", "\uff18\uff10\uff10\uff10", "²", "0" * 5000]
)
def test_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PORT", given)

    with pytest.raises(processes.CannotRun, match="PORT must be a number from 1 to 65535"):
        processes.port()


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["up", "--demo"], "make up"),
        (["up", "--stack", "--demo"], "make stack"),
        (["up", "--stack"], "hydra up --stack"),
    ],
)
def test_a_taken_port_names_the_command_that_was_used(
    monkeypatch: pytest.MonkeyPatch, words: list[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["hydra", *words])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]

        with pytest.raises(processes.CannotRun) as refusal:
            processes.require_free(number)

    assert str(refusal.value).endswith(f"such as: PORT={number + 10} {command}")


def test_the_worker_alone_is_spared_the_advice_against_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    warn = (
        'import warnings; warnings.warn("You\'re running the worker with superuser privileges: x")'
    )

    codes = [
        subprocess.run(
            [sys.executable, "-c", warn],
            env=processes.environment_of(part),
            capture_output=True,
            check=False,
        ).returncode
        for part in ("worker", "web")
    ]

    assert codes == [0, 1]
