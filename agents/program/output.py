"""Reading what a step prints: from its pipe, through the masker, into the log."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading

from agents.program.crash import crashpoint
from agents.program.joblog import StepLog
from agents.program.masking import Masker

_READ_BYTES = 256 * 1024
_PIPE_BYTES = 1024 * 1024
_F_SETPIPE_SZ = 1031
_LOOK_SECONDS = 0.25


class Output(threading.Thread):
    """Reads until the pipe ends, or until `close` when something in the background keeps it open.

    `on_end` is called once nothing more will be written.
    """

    def __init__(self, process: subprocess.Popen[bytes], masker: Masker, log: StepLog) -> None:
        super().__init__(name=f"output of {process.pid}", daemon=True)
        assert process.stdout is not None  # noqa: S101 - every step has a pipe
        self._pipe = process.stdout
        self._masker = masker
        self._log = log
        self._is_closing = False
        self.has_ended = False
        self.changed = threading.Condition()
        _widen(self._pipe.fileno())

    def run(self) -> None:
        try:
            while chunk := self._read():
                self._log.write(self._masker.feed(chunk))
                crashpoint("during_step")
            self._log.write(self._masker.flush())
        finally:
            self._pipe.close()
            with self.changed:
                self.has_ended = True
                self.changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether the output has ended, after at most `seconds`, or sooner if `wake` was called."""
        with self.changed:
            if not self.has_ended:
                self.changed.wait(seconds)
            return self.has_ended

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def close(self, seconds: float) -> None:
        """Read on for `seconds` if there is something to read, then no more."""
        self.join(seconds)
        self._is_closing = True
        self.join(4 * _LOOK_SECONDS)

    def _read(self) -> bytes:
        """The next bytes; none at the end."""
        if sys.platform != "win32":
            # Not blocked in `read`, because nothing could ever end that.
            watch = select.poll()
            watch.register(self._pipe, select.POLLIN)
            while not watch.poll(_LOOK_SECONDS * 1000):
                if self._is_closing:
                    return b""
        if self._is_closing:
            return b""
        return os.read(self._pipe.fileno(), _READ_BYTES)


def _widen(pipe: int) -> None:
    """A wider pipe means fewer switches between a chatty script and its reader."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not on Windows

        try:
            fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            return  # over this user's limit; the usual 64 KiB do
