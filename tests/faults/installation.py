"""A whole Hydra as a user runs it, in processes of its own, for tests that kill some of them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg

from hydra.cli.local_services import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
Found = TypeVar("Found")


def wait_for(question: Callable[[], Found | None], *, seconds: float, what: str) -> Found:
    """The first answer that is not empty; a test fails with `what` when none came in time."""
    ends = time.monotonic() + seconds
    while True:
        found = question()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Installation:
    """`hydra up --demo` in a home of its own, embedded or in full as the test run is."""

    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="hydra-up-")))
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    database: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    with_demo: bool = True
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return os.environ.get("HYDRA_TEST_DB") == "postgres"

    def start(self) -> None:
        if self.is_full and not self.database:
            self.database = new_database(os.environ["DATABASE_URL"])
        (self.home / "up.log").unlink(missing_ok=True)
        log = (self.home / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hydra", "up", *(["--demo"] if self.with_demo else [])],
            cwd=ROOT,
            env=self.complete_environment(),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        wait_for(self.is_welcoming, seconds=START_SECONDS, what=f"start of {self.home}")
        self.facts = json.loads((self.home / "demo.json").read_text())

    def is_welcoming(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"hydra up ended:\n{self.log()}")
        if self.with_demo:
            return "Hydra is running." in self.log()
        try:
            return self.call("GET", "/readyz", timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def complete_environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HYDRA_", "DJANGO_", "PYTEST", "COV"))
            and name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "PYTHONWARNINGS")
        }
        own = {
            "PORT": str(self.port),
            "HYDRA_HOME": str(self.home),
            "HYDRA_OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        if self.is_full:
            own["DATABASE_URL"] = self.database
            own["REDIS_URL"] = os.environ["REDIS_URL"]
            own["HYDRA_LIVE_PORT"] = str(free_port())
            own["HYDRA_WEB_PROCESSES"] = "1"  # enough, and sooner there
        return {**kept, **own, **self.environment}

    def log(self) -> str:
        path = self.home / "up.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> float:
        """Ctrl-C; the seconds it took."""
        if self.process is None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Ctrl-C did not stop it in 15 s:\n{self.log()}") from None
        self.process = None
        return time.monotonic() - began

    def copy(self, **environment: str) -> Installation:
        """Another installation with the data of this one, which must not run."""
        other = Installation(environment=environment, facts=dict(self.facts))
        for name in ("hydra.sqlite3", "secrets.json", "demo.json"):
            if (self.home / name).exists():
                shutil.copy2(self.home / name, other.home / name)
        if self.database:
            other.database = new_database(os.environ["DATABASE_URL"], template=self.database)
        return other

    def start_agent(self, **environment: str) -> subprocess.Popen[bytes]:
        """The demo's agent as a process of the test's, which outlives the server."""
        with (self.home / "agent.log").open("ab") as log:
            agent = subprocess.Popen(
                [
                    *[sys.executable, "-m", "agents.program", "run"],
                    *["--server", f"http://127.0.0.1:{self.port}"],
                    *["--work-dir", str(self.home / "agent")],
                ],
                cwd=ROOT,
                env={
                    **self.complete_environment(),
                    "HYDRA_AGENT_KEY": self.facts["agent_key"],
                    **environment,
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.others.append(agent)
        return agent

    def set_steps(self, *scripts: str, **fields: Any) -> None:
        """Replace the demo application's steps by these bash scripts."""
        self.run_python(
            "from projects.models import Application, Step\n"
            f"app = Application.objects.get(code={self.facts['application']!r})\n"
            "app.steps.all().delete()\n"
            f"for n, script in enumerate({list(scripts)!r}):\n"
            "    Step.objects.create(application=app, position=n, name=f'Step {n}',"
            f" type='bash', script=script, **{fields!r})\n"
        )

    def run_python(self, code: str) -> str:
        """Run code in the installation's Django, beside its processes."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            cwd=ROOT,
            env={
                **self.complete_environment(),
                "DJANGO_SETTINGS_MODULE": "hydra.settings",
                **self.secrets(),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def secrets(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "secrets.json").read_text())
        return found

    def reap(self) -> None:
        """Take leave of a process that died by itself."""
        assert self.process is not None
        self.process.wait(15)
        self.process = None

    def kill(self) -> None:
        """`kill -9` of the supervisor and all that it started."""
        if self.process is None:
            return
        family = [self.process.pid, *descendants(self.process.pid)]
        for pid in family:
            kill(pid)
        self.process.wait()
        self.process = None

    def remove(self) -> None:
        for other in self.others:
            for pid in [other.pid, *descendants(other.pid)]:
                kill(pid)
            other.wait()
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def pids(self, *words: str) -> list[int]:
        """Processes below the supervisor whose command line has all of `words`."""
        if self.process is None:
            return []
        return [
            pid
            for pid in descendants(self.process.pid)
            if all(word in command_line(pid) for word in words)
        ]

    # --- Talking to it ---

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", timeout: float = 30
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {token or self.facts['api_key']}"}
        content = None
        if body is not None:
            content = json.dumps(body)
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        shown = json.loads(raw) if "json" in answer.headers.get("Content-Type", "") else raw
        return Answer(answer.status, dict(answer.headers), shown)

    def create_version(self, name: str, **more: Any) -> Answer:
        body = {"appCode": self.facts["application"], "version": name, **more}
        return self.call("POST", "/api/externals/version/create", body)

    def deployment(self, uid: str) -> dict[str, Any]:
        answer = self.call("GET", f"/api/v1/deployments/{uid}")
        assert answer.status == 200, answer
        shown: dict[str, Any] = answer.body["data"]
        return shown

    def wait_until(self, uid: str, *states: str, seconds: float = 30) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            try:
                shown = self.deployment(uid)
            except (OSError, http.client.HTTPException):
                return None
            return shown if shown["state"] in states else None

        return wait_for(look, seconds=seconds, what=f"{uid} in {states}\n{self.log()[-4000:]}")

    def log_of(self, uid: str) -> bytes:
        answer = self.call("GET", f"/api/v1/deployments/{uid}/logs")
        assert answer.status == 200, answer
        content: bytes = answer.body
        return content


def new_database(url: str, *, template: str = "") -> str:
    """A new database on the server of `url`, empty or a copy of `template`'s."""
    name = f"up_{os.getpid()}_{time.monotonic_ns()}"
    parts = urlsplit(url)
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        copied = f' TEMPLATE "{urlsplit(template).path.lstrip("/")}"' if template else ""
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
    return url.replace(f"{parts.path}?", f"/{name}?") if parts.query else url + name


def libpq(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
