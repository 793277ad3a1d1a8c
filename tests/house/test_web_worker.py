"""The full shape's web process: slow clients hold no thread. Real gunicorn, real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra import keys
from hydra.cli.local_services import free_port
from hydra.web_worker import Arrival

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process writes to its standard error."""
    return tmp_path_factory.mktemp("web") / "log"


@pytest.fixture(scope="module")
def port(log: Path) -> Iterator[int]:
    """One process with two threads, which takes requests as the full shape does."""
    number = free_port()
    command = [
        *[sys.executable, "-m", "gunicorn", "tests.house.echo:application", "--no-control-socket"],
        *["--worker-class", "hydra.web_worker.ArrivedWorker", "--workers", "1"],
        *["--threads", str(THREADS), "--bind", f"127.0.0.1:{number}", "--keep-alive", "75"],
        *["--log-level", "warning", "--graceful-timeout", "3"],
    ]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, stderr=stderr, process_group=0)
    try:
        wait_until_served(number)
        yield number
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def wait_until_served(port: int) -> None:
    ends = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), connected(port) as line:
            line.close()
            return
        assert time.monotonic() < ends
        time.sleep(0.05)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def head(length: int, *, path: str = "/here", more: str = "") -> bytes:
    text = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{more}\r\n"
    return text.encode()


def echoed(body: bytes, path: str = "/here") -> bytes:
    return f"POST {path} {len(body)} {hashlib.sha256(body).hexdigest()}".encode()


def read_answer(line: socket.socket) -> tuple[int, bytes]:
    """One answer with a length; what follows it stays on the line."""
    told = b""
    while b"\r\n\r\n" not in told:
        piece = line.recv(1)
        if not piece:
            return 0, told
        told += piece
    lengths = [row for row in told.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    left, body = int(lengths[0].partition(b":")[2]), b""
    while left > len(body):
        body += line.recv(left - len(body))
    return int(told.split(b" ")[1]), body


def test_forty_slow_clients_do_not_keep_another_from_being_answered(port: int) -> None:
    beginnings = [b"", b"POST /he", head(10), head(10) + b"x"]
    slow = [connected(port) for _ in range(40)]
    for number, line in enumerate(slow):
        line.sendall(beginnings[number % len(beginnings)])
    time.sleep(0.2)

    began = time.monotonic()
    with connected(port) as line:
        line.sendall(head(2) + b"ok")
        answer = read_answer(line)

    assert answer == (200, echoed(b"ok"))
    assert time.monotonic() - began < 1
    for line in slow:
        line.close()


def test_who_takes_too_long_is_told_so_and_who_said_nothing_is_left(port: int) -> None:
    with connected(port) as trickling, connected(port) as silent:
        trickling.sendall(head(10))
        for _ in range(3):
            time.sleep(0.5)
            trickling.sendall(b"x")

        status, body = read_answer(trickling)

        assert (status, b"did not arrive in time" in body) == (408, True)
        assert silent.recv(1) == b""


def test_a_body_that_comes_in_pieces_is_read_as_it_was_sent(port: int) -> None:
    body = os.urandom(700_000)
    sent = head(len(body)) + body
    with connected(port) as line:
        for start in range(0, len(sent), 90_001):
            line.sendall(sent[start : start + 90_001])
            time.sleep(0.01)

        assert read_answer(line) == (200, echoed(body))


def test_a_line_takes_one_request_after_the_other_even_at_once(port: int) -> None:
    with connected(port) as line:
        for body in (b"first", b"second"):
            line.sendall(head(len(body)) + body)
            assert read_answer(line) == (200, echoed(body))

        line.sendall(head(3) + b"one" + head(3, path="/there") + b"t")
        assert read_answer(line) == (200, echoed(b"one"))
        line.sendall(b"wo")
        assert read_answer(line) == (200, echoed(b"two", "/there"))


def test_who_asks_whether_to_go_on_is_told_to(port: int) -> None:
    with connected(port) as line:
        line.sendall(head(4, more="Expect: 100-continue\r\n"))
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        line.sendall(b"body")

        assert read_answer(line) == (200, echoed(b"body"))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (head(3 * 1024 * 1024), 413),
        (head(10**30), 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_taken_is_refused_without_waiting_for_more(
    port: int, sent: bytes, status: int
) -> None:
    with connected(port) as line:
        line.sendall(sent)
        began = time.monotonic()

        assert read_answer(line)[0] == status
        assert line.recv(1) == b""

    assert time.monotonic() - began < 1.5


def test_the_api_words_itself_that_a_body_is_too_long(port: int) -> None:
    with connected(port) as line:
        line.sendall(head(3 * 1024 * 1024, path="/api/v1/projects"))

        status, body = read_answer(line)

        assert (status, body.startswith(b"POST /api/v1/projects 0 ")) == (413, True)
        assert line.recv(1) == b""


def test_who_does_not_hang_up_keeps_nobody_waiting(port: int) -> None:
    staying = [connected(port) for _ in range(5)]
    for line in staying:
        line.sendall(head(0, more="Connection: close\r\n"))
        assert read_answer(line)[0] == 200

    began = time.monotonic()
    with connected(port) as line:
        line.sendall(head(0))
        assert read_answer(line)[0] == 200

    assert time.monotonic() - began < 1
    for line in staying:
        line.close()


def test_a_credential_in_a_head_that_cannot_be_read_reaches_no_log(port: int, log: Path) -> None:
    token = keys.new_token(keys.API_KEY)
    with connected(port) as line:
        line.sendall(f"GET /here HTTP/1.1\r\nHost: h\r\nAuthorization {token}: x\r\n\r\n".encode())
        assert read_answer(line)[0] == 400

    said = log.read_text()
    assert "Invalid HTTP header name: 'Authorization hyd_live_***'" in said
    assert token.removeprefix("hyd_live_") not in said


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_request_is_whole_when_its_last_byte_is_there(cut: int) -> None:
    request = b"\r\n" + head(3) + b"abc"
    arrival = Arrival(0)

    arrival.add(request[:-cut])
    before = arrival.is_whole
    arrival.add(request[-cut:])

    assert (before, arrival.is_whole) == (False, True)
    assert bytes(arrival.received) == request[2:]
