"""Why a running job is to stop, told once to everyone who waits for something of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

Kind = Literal["canceled", "fenced", "stopped", "overtime"]

REASONS = {
    "canceled": "Canceled.",
    "fenced": "The server gave this job to someone else.",
    "stopped": "The agent was stopped on its server.",
    "overtime": "It took longer than the policy of this server allows a job.",
}


class Interruption:
    """Set at most once, except that `fenced` outdoes everything: then nothing is ours any more."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self._is_set = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def interrupt(self, kind: Kind) -> None:
        with self._lock:
            if self.kind is None or kind == "fenced":
                self.kind = kind
            listeners = list(self._listeners)
        self._is_set.set()
        for listener in listeners:
            listener()

    @property
    def has_come(self) -> bool:
        return self.kind is not None

    @property
    def reason(self) -> str:
        return REASONS[self.kind] if self.kind else ""

    def wait(self, seconds: float) -> bool:
        """Whether it came within `seconds`."""
        return self._is_set.wait(seconds)

    def listen(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.remove(listener)
