"""The log of one job on this machine's disk, in bytes, with an upper limit.

The file holds the beginning of the log (`head`), followed by a ring with its newest bytes
(`tail`). A log that fits into both is simply the file; of a longer one the middle is missing, and
a notice says how much. What is shipped is always read through `read`, whose offsets never change
their meaning: while the job runs only the head can be read, afterwards everything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from agents.protocol import LOG_HEAD_BYTES, LOG_TAIL_BYTES

_COPY_BYTES = 256 * 1024


class JobLog:
    """Written by the steps, read by the shipper, both at once.

    `kept` counts the bytes that were written to disk (also those the ring has overwritten since),
    `dropped` those for which the disk had no room.
    """

    def __init__(
        self, path: Path, *, head: int = LOG_HEAD_BYTES, tail: int = LOG_TAIL_BYTES
    ) -> None:
        self.path = path
        self.kept = 0
        self.dropped = 0
        self._head = head
        self._tail = tail
        self._told = 0  # so many dropped bytes already have their notice in the log
        self._sealed = False
        self._lock = threading.Lock()
        self._file: int | None = None

    def write(self, data: bytes) -> None:
        """Append; a full disk costs bytes, never the job."""
        with self._lock:
            if self.untold:
                if not self._append(self._last_notice):
                    self.dropped += len(data)
                    return
                self._told = self.dropped
            written = self._append(data)
            self.dropped += len(data) - written

    @property
    def untold(self) -> int:
        """So many dropped bytes have no notice in the log yet; it will end with one."""
        return self.dropped - self._told

    @property
    def end(self) -> int:
        """Where the next byte will stand, counting those that the ring has lost."""
        return self.kept

    @property
    def available(self) -> int:
        """How many bytes of the final log can be read now."""
        return self.size if self._sealed else min(self.kept, self._head)

    @property
    def size(self) -> int:
        """The length of the final log."""
        return self._kept_size + len(self._cut_notice) + len(self._last_notice)

    def seal(self) -> None:
        """Nothing more will be written; from now on all of it can be read."""
        with self._lock:
            self._sealed = True
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def recall(self, kept: int | None, dropped: int) -> None:
        """Take up a log again that another process wrote; `kept` is None if it could not say.

        Then a full ring may have gone round: only the head is certain.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if kept is None:
            self.kept = size if size < self._head + self._tail else self._head
        else:
            self.kept = max(kept, size)
        self.dropped, self._told = dropped, 0

    def resume(self) -> None:
        """Write on behind what another run of the same job left."""
        self._sealed = False

    def settle(self, offset: int) -> int:
        """Where in the final log the byte stands that was written as number `offset`."""
        if offset <= self._head or not self._cut:
            return offset
        return self._head + max(0, offset - self._head - self._cut + len(self._cut_notice))

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes of the final log from `offset` on; empty at the end."""
        length = min(length, self.available - offset)
        parts = []
        while length > 0:
            part = self._read_piece(offset, length)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def _cut(self) -> int:
        return max(0, self.kept - self._head - self._tail)

    @property
    def _kept_size(self) -> int:
        return self.kept - self._cut

    @property
    def _cut_notice(self) -> bytes:
        return _notice(self._cut) if self._cut else b""

    @property
    def _last_notice(self) -> bytes:
        return _notice(self.untold, " (the disk was full)") if self.untold else b""

    def _append(self, data: bytes) -> int:
        """Write as much of `data` as the disk takes; how much that was."""
        written = 0
        view = memoryview(data)
        try:
            while written < len(data):
                place, room = self._place(self.kept)
                file = self._open()
                os.lseek(file, place, os.SEEK_SET)
                count = os.write(file, view[written : written + room])
                written += count
                self.kept += count
        except OSError:
            return written
        return written

    def _place(self, offset: int) -> tuple[int, int]:
        """Where in the file byte `offset` belongs, and how many may follow it there."""
        if offset < self._head:
            return offset, self._head - offset
        in_ring = (offset - self._head) % self._tail
        return self._head + in_ring, self._tail - in_ring

    def _open(self) -> int:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o600)
        return self._file

    def _read_piece(self, offset: int, length: int) -> bytes:
        """From one of: head, cut notice, ring, last notice."""
        if offset < min(self.kept, self._head):
            return self._read_file(offset, min(length, self._head - offset))
        notice = self._cut_notice
        behind = offset - self._head
        if 0 <= behind < len(notice):
            return notice[behind : behind + length]
        number = offset - len(notice) + self._cut  # of the byte, as it was written
        if number < self.kept:
            place, room = self._place(number)
            return self._read_file(place, min(length, room, self.kept - number))
        return self._last_notice[number - self.kept :][:length]

    def _read_file(self, place: int, length: int) -> bytes:
        with self.path.open("rb", buffering=0) as file:
            file.seek(place)
            return file.read(length)


class LogTurns:
    """Lets parallel steps share one log: each writes its bytes in one piece.

    The step that came first writes into the log itself; the others beside it, until it is their
    turn. So the log stays readable, and a step is a range of it.
    """

    def __init__(self, log: JobLog, on_bytes: Callable[[], None]) -> None:
        self._log = log
        self._on_bytes = on_bytes
        self._queue: list[StepLog] = []
        self._lock = threading.Lock()

    def open(self, position: int) -> StepLog:
        """The place for the output of one step; it must be closed."""
        with self._lock:
            step = StepLog(self, self._log.path.with_name(f"log.{position}"), self._log.end)
            self._queue.append(step)
            if self._queue[0] is step:
                step.has_turn = True
            return step

    def write(self, step: StepLog, data: bytes) -> None:
        """Append to the log, or to the step's own file while another one has the turn."""
        with self._lock:
            if not step.has_turn:
                step.beside.write(data)
                return
            self._log.write(data)
            step.log_to = self._log.end
        self._on_bytes()

    def close(self, step: StepLog) -> None:
        """The step writes no more; those behind it get their turn."""
        with self._lock:
            step.closed = True
            while self._queue and self._queue[0].closed and self._queue[0].has_turn:
                self._queue.pop(0)
                if self._queue:
                    self._give_turn(self._queue[0])
        self._on_bytes()

    def _give_turn(self, step: StepLog) -> None:
        step.has_turn = True
        step.log_from = self._log.end
        step.beside.seal()
        offset = 0
        while piece := step.beside.read(offset, _COPY_BYTES):
            self._log.write(piece)
            offset += len(piece)
        step.log_to = self._log.end
        step.beside.path.unlink(missing_ok=True)


class StepLog:
    """One step's part of the log."""

    def __init__(self, turns: LogTurns, path: Path, log_from: int) -> None:
        self.beside = JobLog(path)
        self.log_from = self.log_to = log_from
        self.has_turn = False
        self.closed = False
        self._turns = turns

    def range_at(self, end: int) -> tuple[int, int]:
        """Where its bytes stand; an empty range at `end` while they wait for their turn."""
        return (self.log_from, self.log_to) if self.has_turn else (end, end)

    def write(self, data: bytes) -> None:
        if data:
            self._turns.write(self, data)

    def close(self) -> None:
        if not self.closed:
            self._turns.close(self)


def _notice(count: int, why: str = "") -> bytes:
    return f"\n… {count} bytes cut{why} …\n".encode()
