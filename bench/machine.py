"""What the kernel knows of processes: memory, time on the processors, and who else takes it."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
WANTED_FILES = 8192


def allow_many_connections() -> None:
    """A thousand parked agents are a thousand sockets, at both ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, parents before their children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_of(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def memory(pid: int, field: str = "VmRSS") -> float:
    """MB of memory a process has; `VmHWM` is the most it ever had."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    value = next((line.split()[1] for line in lines if line.startswith(f"{field}:")), "0")
    return int(value) * 1024 / 1e6


def processor_seconds(pid: int) -> float:
    """What a process has used itself."""
    fields = stat_of(pid)
    return sum(int(ticks) for ticks in fields[11:13]) / TICKS


def family_seconds() -> float:
    """What this process, all below it and their children that ended have used."""
    total = 0.0
    for pid in [os.getpid(), *descendants(os.getpid())]:
        total += sum(int(ticks) for ticks in stat_of(pid)[11:15]) / TICKS
    return total


def busy_seconds() -> float:
    """What all processes of the machine have used, on all processors together."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _waiting, irq, softirq, *_ = (int(ticks) for ticks in fields)
    return (user + nice + system + irq + softirq) / TICKS


@dataclass
class Neighbours:
    """How much of the machine others used meanwhile: what makes a figure worse than it is."""

    busy: float = 0.0
    ours: float = 0.0

    def start(self) -> None:
        self.busy, self.ours = busy_seconds(), family_seconds()

    def share(self, seconds: float) -> float:
        """Their part of all processors since the start, from 0 to 1."""
        theirs = (busy_seconds() - self.busy) - (family_seconds() - self.ours)
        return max(0.0, theirs / (seconds * (os.cpu_count() or 1)))
