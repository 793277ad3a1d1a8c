"""Processes of jobs: started in sessions of their own, found again, and ended with all they began.

Every process of a step carries `<job>:<position>:` in the variable `HYDRA_JOB`. On Linux the
agent adopts whatever a script leaves behind (it is a subreaper), so that nothing escapes by
forking twice.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    import pwd

    _CREATION_FLAGS = 0

MARK = "HYDRA_JOB"
ADOPTS = sys.platform == "linux"

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 5.0  # longer, only a process that hangs in the kernel lives


class Seen(NamedTuple):
    """One process of this machine at one moment."""

    pid: int
    parent: int
    session: int
    is_zombie: bool


@dataclass(frozen=True)
class Command:
    """What is started for one attempt at a step. All its processes carry `mark`."""

    mark: str
    arguments: Sequence[str]
    folder: Path
    env: Mapping[str, str]
    user: str | None = None


@dataclass(frozen=True)
class Family:
    """Processes that belong together: with a mark, in `sessions`, and from `roots` down.

    `mark` is that of a step or the beginning that the marks of a job's steps share. `is_alone`
    says that nothing else runs here: then even a process that shed every mark is of this family.
    """

    mark: str
    sessions: frozenset[int] = frozenset()
    roots: frozenset[int] = frozenset()
    is_alone: bool = False


class Processes:
    """The children of this agent. One instance, because adopted children belong to the process."""

    def __init__(self) -> None:
        self._known: set[int] = set()  # those that a Popen waits for
        self._spared: set[tuple[int, str]] = set()  # those that a job left behind on purpose
        # Starting and collecting exclude each other: else a child could be collected as a
        # stranger before it is known, and its exit code would be lost.
        self._lock = threading.Lock()

    def start(self, command: Command) -> subprocess.Popen[bytes]:
        """Start it in a session of its own; its output comes through one pipe."""
        identity = _identity(command.user)
        with self._lock:
            process = subprocess.Popen(
                list(command.arguments),
                cwd=command.folder,
                env={**command.env, MARK: command.mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=sys.platform != "win32",
                creationflags=_CREATION_FLAGS,
                user=identity.user,
                group=identity.group,
                extra_groups=identity.groups,
            )
            self._known.add(process.pid)
        return process

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        """Its exit code has been read; the number may belong to another process from now on."""
        with self._lock:
            self._known.discard(process.pid)

    def end_family(self, family: Family, *, grace: float) -> None:
        """End every process of a job: SIGTERM, and after `grace` seconds SIGKILL."""
        if sys.platform == "win32":
            _end_windows_trees(family.sessions)
            return
        if grace > 0:
            self._signal(self._living(family), signal.SIGTERM)
            self._wait(family, grace)
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            pids = self._living(family)
            if not pids:
                return
            self._signal(pids, signal.SIGKILL)
            time.sleep(0.01)

    def tidy(self, mark: str, sessions: frozenset[int]) -> None:
        """After a job's last step: end what it left in the background.

        Spared is what took both pains: a session of its own and no mark in its environment.
        """
        if sys.platform == "win32":
            return
        if self._strangers() or any(_has_group(session) for session in sessions):
            self.end_family(Family(mark, sessions), grace=0)
            self._spared |= {
                (pid, born(pid)) for pid in self._strangers() if not _is_marked(pid, "")
            }

    def collect(self) -> None:
        """Let adopted children that have ended go."""
        if sys.platform != "win32":
            self._strangers()

    def _living(self, family: Family) -> set[int]:
        """The living processes of a job, their descendants included."""
        strangers = self._strangers()
        table = [seen for seen in _processes() if seen.pid != os.getpid() and not seen.is_zombie]
        members = {seen.pid for seen in table if _is_marked(seen.pid, family.mark)}
        members |= family.roots & {seen.pid for seen in table}
        # By now a session's number may be another's; below this agent it can only be ours.
        ours = _descendants(table, {os.getpid()})
        for seen in table:
            if seen.session in family.sessions and (seen.pid in ours or not ADOPTS):
                members.add(seen.pid)
        if family.is_alone:
            members |= strangers
        return members | _descendants(table, members)

    def _wait(self, family: Family, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = 0.01
        while time.monotonic() < deadline and self._living(family):
            time.sleep(pause)
            pause = min(0.2, pause * 1.5)

    @staticmethod
    def _signal(pids: Iterable[int], number: int) -> None:
        for pid in sorted(pids):  # shells before what they started: they would remark on its end
            try:
                os.kill(pid, number)
            except OSError:
                continue  # it ended by itself

    def _strangers(self) -> set[int]:
        """Living children that this agent did not start itself and has no reason to spare."""
        with self._lock:
            strangers = set()
            for pid in _children() - self._known:
                if _collect(pid) or (self._spared and (pid, born(pid)) in self._spared):
                    continue
                strangers.add(pid)
            return strangers


def job_mark(job: str) -> str:
    """What the marks of all steps of `job` begin with."""
    return f"{job}:"


def step_mark(job: str, position: int) -> str:
    return f"{job}:{position}:"


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (Linux alone)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans(job: str, processes: Iterable[tuple[int, int, str]]) -> None:
    """End what an earlier process of the agent started for `job` and could not look after."""
    roots = frozenset(pid for _, pid, when in processes if when and born(pid) == when)
    Processes().end_family(Family(job_mark(job), roots=roots), grace=0)


@functools.lru_cache(maxsize=1)
def boot_id() -> str:
    """What tells one run of this machine from the next; a constant where nothing does."""
    if sys.platform == "darwin":
        return _told(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]) or "unknown"
    path = os.environ.get("HYDRA_BOOT_ID_FILE", "/proc/sys/kernel/random/boot_id")
    try:
        return Path(path).read_text(encoding="ascii").strip() or "unknown"
    except OSError:
        return "unknown"


def born(pid: int) -> str:
    """When process `pid` began, in the machine's own words; empty if there is none."""
    if sys.platform == "linux":
        fields = _stat(pid)
        return fields[19] if fields else ""
    elif sys.platform == "win32":  # noqa: RET505 - mypy knows platforms by branches
        return ""
    else:
        return _told(["ps", "-o", "lstart=", "-p", str(pid)])


class _Identity(NamedTuple):
    user: int | None = None
    group: int | None = None
    groups: list[int] | None = None


def _identity(user: str | None) -> _Identity:
    """The numbers of `user`, for a child that is to be somebody else than the agent."""
    if user is None or sys.platform == "win32":
        return _Identity()
    entry = pwd.getpwnam(user)
    return _Identity(entry.pw_uid, entry.pw_gid, os.getgrouplist(user, entry.pw_gid))


def home_of(user: str | None) -> dict[str, str]:
    """What the environment says of `user`, when that is somebody else than the agent."""
    if user is None or sys.platform == "win32":
        return {}
    try:
        home = pwd.getpwnam(user).pw_dir
    except KeyError:
        return {}  # starting a script will say so
    return {"HOME": home, "USER": user, "LOGNAME": user}


def _processes() -> Iterator[Seen]:
    if sys.platform == "linux":
        yield from _linux_processes()
    else:
        # Here the group stands in for the session: a step's processes share both at first.
        for line in _told(["ps", "-axo", "pid=,ppid=,pgid=,state="]).splitlines():
            pid, parent, group, state = line.split(None, 3)
            yield Seen(int(pid), int(parent), int(group), state.startswith("Z"))


def _told(command: Sequence[str]) -> str:
    """What a small program of the system prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _linux_processes() -> Iterator[Seen]:
    for entry in _PROC.iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else []
        if fields:
            yield Seen(int(entry.name), int(fields[1]), int(fields[3]), fields[0] == "Z")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; the name before may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return []
    return text[text.rfind(b")") + 2 :].decode("ascii", "replace").split()


def _is_marked(pid: int, beginning: str) -> bool:
    """Whether `pid` carries a mark that begins so."""
    if sys.platform != "linux":
        return False
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # it ended, or belongs to someone else
    mark = f"{MARK}={beginning}".encode()
    return environment.startswith(mark) or b"\0" + mark in environment


def _descendants(table: Iterable[Seen], roots: set[int]) -> set[int]:
    """Everyone below `roots` in the tree of processes."""
    children: dict[int, set[int]] = defaultdict(set)
    for seen in table:
        children[seen.parent].add(seen.pid)
    found: set[int] = set()
    waiting = set(roots)
    while waiting:
        below = children[waiting.pop()] - found
        found |= below
        waiting |= below
    return found


def _children() -> set[int]:
    if sys.platform != "linux":
        return set()  # nothing is adopted there
    found: set[int] = set()
    has_list = False
    for task in (_PROC / "self" / "task").iterdir():
        try:
            text = (task / "children").read_bytes()
        except OSError:
            continue  # this thread ended meanwhile, or the kernel keeps no such list
        has_list = True
        found.update(map(int, text.split()))
    if has_list:
        return found
    return {seen.pid for seen in _processes() if seen.parent == os.getpid()}


def _collect(pid: int) -> bool:
    """Whether adopted child `pid` had ended; if so it is gone now."""
    if sys.platform == "win32":
        return True
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _has_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def _end_windows_trees(roots: Iterable[int]) -> None:
    for root in roots:
        command = ["taskkill", "/T", "/F", "/PID", str(root)]
        subprocess.run(command, capture_output=True, check=False)
