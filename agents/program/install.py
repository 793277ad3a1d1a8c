"""Making the agent a service: a systemd unit on Linux, a scheduled task on Windows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.program.options import Options
from agents.program.saying import say

NAME = "hydra-agent"

_UNIT = """\
[Unit]
Description=Hydra agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=5
# 3: a newer agent has this identity. 4: the server needs a newer agent.
RestartPreventExitStatus=3 4
# The agent lets running jobs end, and looks after their processes itself.
KillMode=mixed
TimeoutStopSec=15min

[Install]
WantedBy={target}
"""


@dataclass(frozen=True)
class Places:
    """Where things go: for the whole machine as root, else for one user."""

    program: Path
    key: Path
    unit: Path
    target: str
    systemctl: tuple[str, ...]


def install(options: Options, *, policy: Path | None, only_print: bool) -> int:
    """Install and start the service; its exit code. Installing again replaces it."""
    if sys.platform == "win32":
        return _install_task(options, policy, only_print=only_print)
    places = _places()
    command = _command(options, places, policy)
    unit = _UNIT.format(command=shlex.join(command), target=places.target)
    if only_print:
        sys.stdout.write(f"# {places.unit}\n{unit}")
        return 0
    if shutil.which("systemctl") is None:
        say("There is no systemd here. Run this with whatever starts programs on this machine:")
        say(shlex.join(command))
        return 1
    _put(places, options.key)
    places.unit.parent.mkdir(parents=True, exist_ok=True)
    places.unit.write_text(unit, encoding="utf-8")
    for words in (["daemon-reload"], ["enable", NAME], ["restart", NAME]):
        if subprocess.run([*places.systemctl, *words], check=False).returncode != 0:
            say(f"“systemctl {' '.join(words)}” did not work; the unit is {places.unit}.")
            return 1
    say(f"The agent is installed and runs: {places.unit}.")
    return 0


def _places() -> Places:
    if os.geteuid() == 0:
        return Places(
            program=Path("/opt/hydra-agent/hydra-agent.pyz"),
            key=Path("/etc/hydra-agent/key"),
            unit=Path("/etc/systemd/system/hydra-agent.service"),
            target="multi-user.target",
            systemctl=("systemctl",),
        )
    home = Path.home()
    return Places(
        program=home / ".local/share/hydra-agent/hydra-agent.pyz",
        key=home / ".config/hydra-agent/key",
        unit=home / ".config/systemd/user/hydra-agent.service",
        target="default.target",
        systemctl=("systemctl", "--user"),
    )


def _command(options: Options, places: Places, policy: Path | None) -> list[str]:
    command = [sys.executable, str(places.program), "run", "--server", options.server]
    command += ["--key-file", str(places.key), "--work-dir", str(options.work_dir)]
    command += ["--timeout", f"{options.timeout_seconds:g}", "--max-jobs", str(options.max_jobs)]
    if options.keep is not None:
        command += ["--keep", str(options.keep)]
    if policy is not None:
        command += ["--policy", str(policy.absolute())]
    if options.ca_file is not None:
        command += ["--ca-file", str(options.ca_file.absolute())]
    return command


def _put(places: Places, key: str) -> None:
    """The program to where it stays, and the key where only its user reads it."""
    places.program.parent.mkdir(parents=True, exist_ok=True)
    archive = Path(sys.argv[0]).absolute()
    if archive.suffix == ".pyz" and archive != places.program:
        shutil.copyfile(archive, places.program)
    places.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(places.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(key + "\n")


def _install_task(options: Options, policy: Path | None, *, only_print: bool) -> int:
    base = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / NAME
    places = Places(base / "hydra-agent.pyz", base / "key", base, "", ())
    command = subprocess.list2cmdline(_command(options, places, policy))
    create = ["schtasks", "/Create", "/F", "/TN", NAME, "/SC", "ONSTART", "/RU", "SYSTEM"]
    create += ["/RL", "HIGHEST", "/TR", command]
    if only_print:
        sys.stdout.write(subprocess.list2cmdline(create) + "\n")
        return 0
    _put(places, options.key)
    return _run_all((create, ["schtasks", "/Run", "/TN", NAME]))


def _run_all(commands: Sequence[Sequence[str]]) -> int:
    for command in commands:
        if subprocess.run(command, check=False).returncode != 0:
            say(f"“{command[0]} {command[1]}” did not work. Are you an administrator?")
            return 1
    say("The agent is installed and runs.")
    return 0
