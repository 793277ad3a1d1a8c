"""How gunicorn takes requests in the full shape: wiring, named on its command line.

A request gets a thread when it has arrived, head and body. Until then its connection waits in the
worker's selector, so that however many clients trickle, none of them holds a thread. gunicorn's own
threaded worker gives a connection a thread as soon as its first byte is there, and closes
connections in the loop that should be accepting others.
"""

from __future__ import annotations

import re
import selectors
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from hydra import interpreter
from hydra.raw_http import BODY_BYTES, BODY_SECONDS, REFUSES_BY_LENGTH, TOO_LONG, TOO_SLOW, raw

ARRIVE_SECONDS = float(BODY_SECONDS)
LEAVE_SECONDS = 2.0  # for a client to take its answer and hang up
HEAD_BYTES = 64 * 1024
READ_BYTES = 256 * 1024

HEAD_ENDS = b"\r\n\r\n"
LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]+)[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
IN_CHUNKS = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
WAITS_TO_GO_ON = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)

NO_LENGTH = raw(411, "Send the body with a Content-Length, not in chunks.", "length_required")
LONG_HEAD = raw(431, "The headers are longer than 64 KiB.", "too_large")
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Arrival:
    """A request that is on its way in."""

    ends: float
    received: bytearray = field(default_factory=bytearray)
    needed: int | None = None  # bytes of head and body together, once the head has told
    refusal: bytes = b""
    goes_on: bool = False  # whether the client must be told that it may send the body
    leaves_body: bool = False  # the body is not read: refused by its length, without the thread

    @property
    def is_whole(self) -> bool:
        return self.needed is not None and len(self.received) >= self.needed

    def add(self, piece: bytes) -> None:
        self.received += piece
        if self.needed is None:
            self.look_for_head()

    def look_for_head(self) -> None:
        while self.received.startswith(b"\r\n"):  # which servers skip before a request
            del self.received[:2]
        end = self.received.find(HEAD_ENDS)
        if end >= 0:
            self.take_head(bytes(self.received[: end + len(HEAD_ENDS)]))
        elif len(self.received) > HEAD_BYTES:
            self.refusal = LONG_HEAD

    def take_head(self, head: bytes) -> None:
        length = max((length_of(digits) for digits in LENGTH.findall(head)), default=0)
        self.needed = len(head) + length
        if IN_CHUNKS.search(head):
            self.refusal = NO_LENGTH
        elif length > BODY_BYTES:
            self.leave_body(head)
        elif WAITS_TO_GO_ON.search(head):
            self.goes_on = len(self.received) < self.needed
            shorter = WAITS_TO_GO_ON.sub(b"", head)
            self.received[: len(head)] = shorter
            self.needed = len(shorter) + length

    def leave_body(self, head: bytes) -> None:
        """Too long: the API says so in its own words, and reads none of it."""
        target = head.split(b"\r\n", 1)[0].split(b" ")[1:2]
        if target and target[0].startswith(tuple(path.encode() for path in REFUSES_BY_LENGTH)):
            self.needed, self.leaves_body = len(head), True
        else:
            self.refusal = TOO_LONG


def length_of(digits: bytes) -> int:
    significant = digits.lstrip(b"0")
    return int(significant or b"0") if len(significant) < 19 else BODY_BYTES + 1


class ArrivedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's worker of threads, which sees whole requests only."""

    def init_process(self) -> None:
        self.arriving: dict[Any, Arrival] = {}
        self.leaving: dict[Any, float] = {}
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        interpreter.settle()

    def enqueue_req(self, conn: Any) -> None:
        """Take what is there; wait for the rest, if there is one, without a thread."""
        conn.sock.settimeout(0)
        arrival = Arrival(time.monotonic() + ARRIVE_SECONDS)
        if conn.parser is not None:  # a second request that came with the first
            arrival.add(conn.parser.unreader.take_buffered())
        self.arriving[conn] = arrival
        self.poller.register(
            conn.sock, selectors.EVENT_READ, partial(self.on_arriving, conn, arrival)
        )
        self.on_arriving(conn, arrival, conn.sock)

    def on_arriving(self, conn: Any, arrival: Arrival, _sock: Any) -> None:
        try:
            while not (arrival.is_whole or arrival.refusal):
                piece = conn.sock.recv(READ_BYTES)
                if not piece:
                    self.drop(conn)
                    return
                arrival.add(piece)
                if arrival.goes_on:
                    arrival.goes_on = False
                    conn.sock.send(GO_ON)
        except BlockingIOError:
            return
        except OSError:
            self.drop(conn)
            return
        if arrival.refusal:
            self.part(conn, arrival.refusal)
            return
        self.forget(conn)
        conn.arrival = arrival
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """In a thread: give gunicorn's parser what was read for it."""
        conn.init()
        conn.parser.unreader.unread(bytes(conn.arrival.received))
        conn.arrival.received.clear()
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        return False if conn.arrival.leaves_body else super()._keepalive_after(conn, keepalive)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
        else:
            self.part(conn)

    def part(self, conn: Any, answer: bytes = b"") -> None:
        """Answer, and close once the client has: closing first could take the answer from it."""
        self.forget(conn)
        try:
            conn.sock.settimeout(0)
            if answer:
                conn.sock.send(answer)
            conn.sock.shutdown(1)
        except OSError:
            self.drop(conn)
            return
        self.leaving[conn] = time.monotonic() + LEAVE_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_leaving, conn))

    def on_leaving(self, conn: Any, _sock: Any) -> None:
        try:
            while conn.sock.recv(READ_BYTES):
                if self.leaving[conn] < time.monotonic():
                    break
        except BlockingIOError:
            return
        except OSError:
            pass
        self.drop(conn)

    def murder_pending(self) -> None:
        """Every second: end what took too long. Who only holds a line open does not stop us."""
        super().murder_pending()
        now = time.monotonic()
        for conn, arrival in list(self.arriving.items()):
            if arrival.ends < now or not (self.alive or arrival.received):
                self.part(conn, TOO_SLOW if arrival.received else b"")
        for conn, ends in list(self.leaving.items()):
            if ends < now:
                self.drop(conn)

    def drop(self, conn: Any) -> None:
        self.forget(conn)
        self.nr_conns -= 1
        conn.close()

    def forget(self, conn: Any) -> None:
        """Wait for it no longer."""
        was_arriving = self.arriving.pop(conn, None)
        was_leaving = self.leaving.pop(conn, None)
        if was_arriving is not None or was_leaving is not None:
            self.poller.unregister(conn.sock)
