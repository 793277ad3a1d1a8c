"""The processes of an installation: their command lines, and a small supervisor for `hydra up`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from hydra.cli.local_services import end_with_parent

LAST_PORT = 65_535
STOP_SECONDS = 2.0  # of the five that Ctrl-C may take in all; databases stop after
WORKER_CONCURRENCY = "2"
# Celery warns root because of pickle; our messages are JSON. Categories of packages cannot be
# named in PYTHONWARNINGS, which is read before they can be imported, so this is its beginning.
ROOT_IS_FINE = "ignore:You're running the worker with superuser privileges"


class CannotRun(Exception):
    """It cannot be run as asked; the message says why and what to do."""


def port() -> int:
    return port_named("PORT", os.environ.get("PORT", ""), 8000)


def live_port() -> int:
    return port_named("HYDRA_LIVE_PORT", os.environ.get("HYDRA_LIVE_PORT", ""), port() + 1)


def port_named(name: str, given: str, default: int) -> int:
    """The port that was given; nothing, as blank, is the default."""
    text = given.strip() or str(default)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= number <= LAST_PORT:
        raise CannotRun(f"{name} must be a number from 1 to {LAST_PORT}, not {text!r}.")
    return number


def command_used() -> str:
    """How whoever started this would start it again."""
    words = sys.argv[1:]
    if "--demo" in words:
        return "make stack" if "--stack" in words else "make up"
    return " ".join(["hydra", *words])


def bind() -> str:
    return os.environ.get("HYDRA_BIND", "127.0.0.1")


def require_free(number: int) -> None:
    """CannotRun when another program has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind(), number))
        except OSError as error:
            raise CannotRun(
                f"Port {number} on {bind()} cannot be used ({error.strerror}): another program "
                f"has it. Choose another one, such as: PORT={number + 10} {command_used()}"
            ) from error


_held: list[TextIO] = []


def hold(home: Path) -> None:
    """Keep `home` for this process until it ends; CannotRun when another Hydra has it."""
    lock = (home / "hydra.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotRun(
            f"Another Hydra runs in {home}. Stop it, or give this one a folder of its own: "
            f"HYDRA_HOME=./var2 {command_used()}"
        ) from error
    _held.append(lock)


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def commands() -> dict[str, list[str]]:
    """What runs each part of the full mode, in the foreground."""
    web_processes = os.environ.get("HYDRA_WEB_PROCESSES", "2")
    web_threads = os.environ.get("HYDRA_WEB_THREADS", "8")
    celery = [sys.executable, "-m", "celery", "--quiet", "--app", "hydra.celery:app"]
    return {
        "web": [
            *[program("gunicorn"), "hydra.wsgi:application", "--no-control-socket", "--preload"],
            *["--worker-class", "hydra.web_worker.ArrivedWorker"],
            *["--workers", web_processes, "--threads", web_threads],
            *["--bind", f"{bind()}:{port()}", "--keep-alive", "75", "--graceful-timeout", "3"],
            *["--log-level", "warning"],
        ],
        "live": [
            *[program("uvicorn"), "hydra.asgi:live", "--host", bind()],
            *["--port", str(live_port()), "--no-access-log", "--no-proxy-headers"],
            *["--log-level", "warning"],
            *["--timeout-graceful-shutdown", "2", "--timeout-keep-alive", "75"],
        ],
        "worker": [
            *celery,
            *["worker", "--concurrency", WORKER_CONCURRENCY, "--loglevel", "WARNING"],
            *["--without-gossip", "--without-mingle", "--hostname", f"hydra-{os.getpid()}@%h"],
        ],
        "beat": [*celery, "beat", "--loglevel", "WARNING"],
    }


def environment_of(part: str) -> dict[str, str]:
    """What a supervised part is started with."""
    if part != "worker":
        return dict(os.environ)
    filters = [os.environ.get("PYTHONWARNINGS", ""), ROOT_IS_FINE]
    return {**os.environ, "PYTHONWARNINGS": ",".join(filter(None, filters))}


def say(sentence: str) -> None:
    """What happens now, for whoever waits in front of a terminal."""
    sys.stderr.write(f"hydra: {sentence}\n")
    sys.stderr.flush()


def migrate() -> None:
    say("bringing the database up to date; the first time this makes all tables")
    import django  # noqa: PLC0415  # the environment had to be complete
    from django.core.management import call_command  # noqa: PLC0415  # as above
    from django.db import connections  # noqa: PLC0415  # as above

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    # The last one to close folds SQLite's log into the file; held until the end, nobody would.
    connections.close_all()


def migrate_beside() -> None:
    """The same in a process of its own: who only supervises others stays small."""
    subprocess.run([sys.executable, "-m", "hydra", "migrate"], check=True)


@dataclass
class Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    stop_signal: int = signal.SIGTERM
    holds_input: bool = False  # the child ends when its input does, whatever became of us

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.PIPE if self.holds_input else subprocess.DEVNULL,
            # Ctrl-C in a terminal reaches the whole group; the order of stopping is ours.
            process_group=0,
            preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  # one system call
        )

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps children running until it is told to stop, and leaves none behind."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = threading.Event()

    def add(self, child: Child) -> None:
        child.start()
        self.children.append(child)

    def watch(self) -> None:
        """Start again what ended by itself, until a signal asks to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        while not self.stopping.wait(0.5):
            for child in self.children:
                if not child.is_running():
                    say(f"{child.name} ended and is started again")
                    child.start()

    def stop(self) -> None:
        """End all in the order opposite to their start, by force those that do not listen."""
        running = [child for child in reversed(self.children) if child.is_running()]
        for child in running:
            if child.process is not None:
                child.process.send_signal(child.stop_signal)
        ends = time.monotonic() + STOP_SECONDS
        for process in [child.process for child in running if child.process is not None]:
            try:
                process.wait(max(0.05, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # Celery and gunicorn have children of their own, which a forced end leaves behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
