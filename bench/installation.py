"""A whole Hydra in processes of its own, in either mode, and an agent or a floor beside it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench import machine
from bench.client import Answer, Broken, Connection, request_bytes, wait_until_answers
from hydra.cli.local_services import LocalPostgres, LocalValkey, free_port
from hydra.environment import generated_secrets

ROOT = Path(__file__).resolve().parents[1]
EMBEDDED, FULL = "embedded", "full"
STOP_SECONDS = 10
CONNECT_SECONDS = 20
# What the shell that runs the bench may have set for other installations.
FOREIGN = ("HYDRA_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "DEBUG")


@dataclass
class Installation:
    """One running Hydra with the rows of `bench.scene` in it."""

    mode: str
    home: Path
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    scene: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> str:
        token: str = self.scene["api_key"]
        return token

    # --- Asking it ---

    def version_request(self, application: str, name: str) -> bytes:
        target = f"/api/externals/version/create?appCode={application}&version={name}"
        return request_bytes("POST", target, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def create_version(self, application: str, name: str) -> Answer:
        with Connection(self.port) as connection:
            answer = connection.ask(self.version_request(application, name))
        if answer.status != 201:
            raise Broken(f"{answer.status}: {answer.body[:500]!r}")
        return answer

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database itself: that disturbs less than asking Hydra."""
        if self.mode == FULL:
            url = self.environment["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
            with psycopg.connect(url, autocommit=True) as connection:
                return connection.execute(sql.encode()).fetchall()
        place = f"file:{self.home / 'hydra.sqlite3'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True, timeout=20)) as lite:
            return lite.execute(sql).fetchall()

    # --- Its processes ---

    def pids(self, *words: str) -> list[int]:
        """Processes below `hydra up` whose command line has all of `words`."""
        below = machine.descendants(self.process.pid)
        return [pid for pid in below if all(word in machine.command_line(pid) for word in words)]

    def server_pids(self) -> dict[str, list[int]]:
        if self.mode == EMBEDDED:
            return {"server": [self.process.pid]}
        return {
            "web": self.pids("gunicorn"),
            "live": self.pids("hydra.asgi:live"),
            "worker": self.pids("celery", "worker"),
        }

    def processor_seconds(self) -> float:
        """What all of its server processes have used."""
        pids = [pid for group in self.server_pids().values() for pid in group]
        return sum(map(machine.processor_seconds, pids))

    def live_pid(self) -> int:
        return self.process.pid if self.mode == EMBEDDED else self.pids("hydra.asgi:live")[0]

    @contextlib.contextmanager
    def agent(self) -> Iterator[int]:
        """A real agent, sixteen jobs at a time; its process id."""
        work = Path(tempfile.mkdtemp(prefix="agent-", dir=self.home))
        command = [sys.executable, "-m", "agents.program", "run", "--max-jobs", "16"]
        command += ["--server", f"http://127.0.0.1:{self.port}", "--work-dir", str(work)]
        environment = {**self.environment, "HYDRA_AGENT_KEY": self.scene["agent_key"]}
        log = work.with_suffix(".log")
        process = launch(command, environment, log)
        try:
            wait_until_connected(log)
            yield process.pid
        finally:
            stop(process)
            shutil.rmtree(work, ignore_errors=True)


def wait_until_connected(log: Path) -> None:
    """Until the agent has greeted the server, and a moment more, so that its poll is parked."""
    ends = time.monotonic() + CONNECT_SECONDS
    while "Connected to" not in (said := log.read_text()):
        if time.monotonic() > ends:
            raise Broken(f"The agent did not connect:\n{said[-2000:]}")
        time.sleep(0.05)
    time.sleep(0.5)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, and after a while by force, with all below it."""
    family = machine.descendants(process.pid)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *family]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def running(mode: str, *, parked_agents: int) -> Iterator[Installation]:
    """An installation from its first migration to its end; nothing of it is left behind."""
    home = Path(tempfile.mkdtemp(prefix="hydra-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        port = free_port()
        environment = own_environment(home, port)
        if mode == FULL:
            postgres = stack.enter_context(LocalPostgres())
            valkey = stack.enter_context(LocalValkey())
            environment |= {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
            environment |= generated_secrets(home)
            environment["HYDRA_LIVE_PORT"] = str(free_port())
            environment["HYDRA_LIVE_URL"] = f"http://127.0.0.1:{environment['HYDRA_LIVE_PORT']}"
        process = launch([sys.executable, "-m", "hydra", "up"], environment, home / "up.log")
        stack.callback(stop, process)
        installation = Installation(mode, home, port, environment, process)
        try:
            wait_until_answers(port, "/readyz", process=process)
        except Broken as broken:
            raise Broken(f"{broken}\n{(home / 'up.log').read_text()[-3000:]}") from broken
        make_scene(installation, parked_agents=parked_agents)
        yield installation


def own_environment(home: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **kept,
        "HYDRA_HOME": str(home),
        "PORT": str(port),
        "HYDRA_URL": f"http://127.0.0.1:{port}",
        "HYDRA_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }


def launch(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )


def make_scene(installation: Installation, *, parked_agents: int) -> None:
    place = installation.home / "scene.json"
    subprocess.run(
        [sys.executable, "-m", "bench.scene", str(place), str(parked_agents)],
        cwd=ROOT,
        env=installation.environment,
        check=True,
    )
    installation.scene = json.loads(place.read_text())


# --- Floors ------------------------------------------------------------------------------------

FLOOR_TOKEN = "a token that only the floor knows"  # on loopback, for minutes


@contextlib.contextmanager
def floor_of_rows(installation: Installation) -> Iterator[tuple[int, int]]:
    """The bare DRF view on the same database, served in the way that is fastest here.

    Its port and process id. On SQLite it has one process, because writers wait for each other.
    """
    port = free_port()
    environment = {**installation.environment, "FLOOR_TOKEN": FLOOR_TOKEN}
    subprocess.run([sys.executable, "-m", "bench.floor"], cwd=ROOT, env=environment, check=True)
    workers = "2" if installation.mode == FULL else "1"
    command = [str(Path(sys.executable).with_name("gunicorn")), "bench.floor.wsgi:application"]
    command += ["--no-control-socket", "--worker-class", "gthread", "--workers", workers]
    command += ["--threads", "8", "--keep-alive", "75", "--log-level", "warning"]
    command += ["--bind", f"127.0.0.1:{port}"]
    process = launch(command, environment, installation.home / "floor.log")
    try:
        wait_until_answers(port, "/alive", process=process)
        yield port, process.pid
    finally:
        stop(process)


@contextlib.contextmanager
def floor_of_parking(installation: Installation) -> Iterator[tuple[int, int]]:
    """The bare ASGI application that parks; its port and process id."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("uvicorn")), "bench.floor.parking:application"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", "--timeout-keep-alive", "75"]
    process = launch(command, installation.environment, installation.home / "parking.log")
    try:
        wait_until_answers(port, "/", process=process)
        yield port, process.pid
    finally:
        stop(process)
