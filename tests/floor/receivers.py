"""Receivers of webhooks, made of bare sockets: honest, hostile and decoys; and sending to them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hydra import outbound

Script = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\n"
SLACK_SECONDS = 0.5


@dataclass
class Receiver:
    """What listens on a port of its own and follows its script with each connection."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver(
    script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver that reads the request, if there is one to come, and then follows `script`."""
    listener = socket.create_server((host, 0))
    known = Receiver(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            known.connections += 1
            with contextlib.suppress(OSError), connection:
                follow(connection, script, known, tls)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes the accept; closing alone would not
        thread.join(5)
        listener.close()


def follow(
    connection: socket.socket, script: Script, known: Receiver, tls: ssl.SSLContext | None
) -> None:
    connection.settimeout(5)
    if tls is None:
        known.requests.append(read_request(connection))
        script(connection)
        return
    with tls.wrap_socket(connection, server_side=True) as secured:
        known.requests.append(read_request(secured))
        script(secured)


def read_request(connection: socket.socket) -> bytes:
    """The whole request, as its Content-Length tells; whatever there is when it stops coming."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(content: bytes) -> Script:
    return lambda connection: connection.sendall(content)


def ok(body: bytes = b"thanks", headers: bytes = b"") -> bytes:
    length = str(len(body)).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n" + headers + b"\r\n" + body


def dripping(content: bytes, *, every: float = 0.02) -> Script:
    def drip(connection: socket.socket) -> None:
        for byte in content:
            connection.sendall(bytes([byte]))
            time.sleep(every)

    return drip


def endless(start: bytes, more: bytes) -> Script:
    """Sends `start` and then `more` until the other side has had enough."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(more)

    return send


def silent(connection: socket.socket) -> None:
    """Sends nothing; ends when the other side does."""
    connection.recv(1)


def hanging_after(content: bytes) -> Script:
    def hang(connection: socket.socket) -> None:
        connection.sendall(content)
        silent(connection)

    return hang


def resetting(connection: socket.socket) -> None:
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@contextmanager
def unaccepting() -> Iterator[int]:
    """A port whose connections the kernel takes and nobody ever serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def decoy() -> Iterator[socket.socket]:
    """Listens on every local address, of both families if there are two; see `was_touched`."""
    is_dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual else socket.AF_INET
    with socket.create_server(("", 0), family=family, dualstack_ipv6=is_dual) as listener:
        listener.settimeout(0)
        yield listener


def was_touched(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + SLACK_SECONDS


def send(url: str, *, deadline_seconds: float = 0.4) -> outbound.Answer:
    return outbound.post(url, body=b"{}", headers={}, deadline_seconds=deadline_seconds)
