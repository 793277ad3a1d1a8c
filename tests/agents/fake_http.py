"""The HTTP of the fake server, and what goes wrong with it."""

from __future__ import annotations

import json
import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from tests.agents.fake_server import FakeServer


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    fake: FakeServer
    tls: ssl.SSLContext | None = None

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls is not None:
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self._open.add(connection)
        return connection, address

    def cut_all(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A cut connection is what many of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        fake = self.server.fake
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with fake.changed:
            fake.requests.append((self.command, parts.path))
            fault = self._next_fault(parts.path)
        if fault == "reset":
            self.close_connection = True
            return
        if fault in {"html", "bad_gateway", "torn", "away"}:
            self._answer_wrong(fault)
            return
        if self.headers["Authorization"] != f"Bearer {fake.key}":
            self._answer(401, {"error": "Unknown key.", "code": "unauthenticated"})
            return
        status, told = self._ask(parts.path, parts.query, body)
        with fake.changed:
            fake.changed.notify_all()
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, told)

    def _ask(self, path: str, query: str, body: bytes) -> tuple[int, dict[str, Any]]:
        fake = self.server.fake
        if self.command == "PUT":
            told = {name: values[0] for name, values in parse_qs(query).items()}
            with fake.changed:
                return fake.put_log(path, told, body)
        asked = json.loads(body)
        if path == "/live/agent/poll":
            return fake.answer(path, asked)
        with fake.changed:
            return fake.answer(path, asked)

    def _next_fault(self, path: str) -> str:
        for fault in self.server.fake.faults:
            if fault.times > 0 and path.endswith(fault.path):
                fault.times -= 1
                return fault.kind
        return ""

    def _answer_wrong(self, kind: str) -> None:
        if kind == "away":
            self._answer(503, {"error": "Busy.", "code": "unavailable", "retry_in": 0.05})
        elif kind == "torn":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"job": nu')
            self.close_connection = True
        else:
            status = 200 if kind == "html" else 502
            self._write(status, b"<html><h1>A proxy was here</h1></html>", "text/html")

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        self._write(status, json.dumps(told).encode(), "application/json")

    def _write(self, status: int, body: bytes, content_type: str) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
        self.wfile.write(head.encode() + b"\r\n\r\n" + body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silence: `requests` remembers."""
