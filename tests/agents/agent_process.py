"""The agent program as a real process, started from its archive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.agents.fake_server import KEY, PATIENCE_SECONDS, FakeServer


class AgentProcess:
    """One agent on one work folder; `start` again is the same agent after a restart."""

    def __init__(self, server: FakeServer, archive: Path, folder: Path) -> None:
        self.server = server
        self.archive = archive
        self.folder = folder
        self.work_dir = folder / "work"
        self.env: dict[str, str] = {}
        self.python = sys.executable
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, crash: str = "", wrap: tuple[str, ...] = ()) -> AgentProcess:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HYDRA_AGENT_KEY": KEY,
            "HYDRA_CRASH": crash,
            **self.env,
        }
        command = [self.python, str(self.archive), "run", "--server", self.server.url]
        command += ["--work-dir", str(self.work_dir), *options]
        with self.err_file.open("ab") as err:
            self.process = subprocess.Popen(
                [*wrap, *command], env=env, stderr=err, stdout=err, stdin=subprocess.PIPE
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def err_file(self) -> Path:
        return self.folder / "agent.err"

    @property
    def said(self) -> str:
        return self.err_file.read_text()

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit code."""
        assert self.process is not None
        code = self.process.wait(seconds)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return code

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        """Whatever the test left."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            self.wait()

    def deployment(self, number: int, application: str = "") -> Path:
        """The working folder of the server's job of that number."""
        target = self.work_dir / "shop" / (application or f"web{number}") / "staging"
        return target / "deployments" / f"d_{number}"

    def memory_peak_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])


def is_alive(pid: int) -> bool:
    """Whether a process with that number runs, zombies not counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(condition: object, what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Until calling `condition` gives something true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.01)


def pid_in(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text().strip(), f"the pid in {path.name}")
    return int(path.read_text())
