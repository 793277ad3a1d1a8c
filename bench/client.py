"""A small HTTP client over plain sockets, so that asking costs little beside answering."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

RECEIVE_BYTES = 65_536


class Broken(Exception):
    """The server answered in a way that no measurement can go on with."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request_bytes(
    method: str, target: str, *, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """One connection that is kept alive, and opened again where the server does not keep it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> socket.socket:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.rest = b""
        return self.socket

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def ask(self, request: bytes) -> Answer:
        try:
            self.open().sendall(request)
            return self.receive()
        except (ConnectionResetError, BrokenPipeError):  # it was closed between two requests
            self.close()
            self.open().sendall(request)
            return self.receive()

    def receive(self) -> Answer:
        head = self.read_until(b"\r\n\r\n").lower()
        status = int(head.split(b" ", 2)[1])
        if b"transfer-encoding: chunked" in head:
            body = b"".join(self.chunks())
        else:
            _, _, after = head.partition(b"content-length:")
            body = self.read(int(after.split(b"\r\n", 1)[0]))
        if b"connection: close" in head:
            self.close()
        return Answer(status, body)

    def chunks(self) -> Iterator[bytes]:
        while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
            yield self.read(size)
            self.read(2)
        self.read_until(b"\r\n")

    def read_until(self, end: bytes) -> bytes:
        while end not in self.rest:
            self.rest += self.more()
        found, _, self.rest = self.rest.partition(end)
        return found + end

    def read(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.rest += self.more()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def more(self) -> bytes:
        received = self.open().recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionResetError
        return received


@dataclass
class Load:
    """Several clients that each ask again as soon as they are answered."""

    port: int
    compose: Callable[[int], bytes]
    expected: int = 201
    clients: int = 8
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run_for(self, seconds: float) -> float:
        """Answers a second."""
        return self.run(until=time.monotonic() + seconds)

    def run_all(self, count: int) -> float:
        """Ask `count` times in all; answers a second."""
        self._numbers = iter(range(count))
        return self.run(until=float("inf"))

    def run(self, *, until: float) -> float:
        self.seconds.clear()
        threads = [
            threading.Thread(target=self.repeat, args=[until], daemon=True)
            for _ in range(self.clients)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise Broken(self.failures[0])
        return len(self.seconds) / (time.monotonic() - began)

    def repeat(self, until: float) -> None:
        try:
            with Connection(self.port) as connection:
                while time.monotonic() < until and not self.failures:
                    if not self.ask_once(connection):
                        return
        except (OSError, ValueError) as error:
            self.failures.append(repr(error))

    def ask_once(self, connection: Connection) -> bool:
        with self._lock:
            number = next(self._numbers, None)
        if number is None:
            return False
        began = time.monotonic()
        answer = connection.ask(self.compose(number))
        self.seconds.append(time.monotonic() - began)
        if answer.status != self.expected:
            self.failures.append(f"{answer.status}: {answer.body[:500]!r}")
        return True


def wait_until_answers(
    port: int, path: str, *, process: subprocess.Popen[bytes], seconds: float = 180
) -> None:
    """Broken unless `path` is answered with 200 in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError, ValueError), Connection(port) as connection:
            if connection.ask(request_bytes("GET", path, headers={})).status == 200:
                return
        time.sleep(0.05)
    raise Broken(f"Nothing answers at {path} on port {port}.")
