"""One HTTP exchange over one connection, bounded in time and size whatever the other side does.

A timeout per read does not bound an answer that drips. Here every call that can wait is given what
is left of one deadline, and every byte read is taken from one budget.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Final

from django.conf import settings

from hydra.addresses import Address
from hydra.outbound.targets import Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS: Final = 5.0
MOST_ADDRESSES: Final = 4
HEAD_BYTES: Final = 16 * 1024
HEADER_LINES: Final = 64
ANSWER_BYTES: Final = 16 * 1024


class Trouble(StrEnum):
    """Why there is no answer."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    TLS = "tls"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    COMPRESSED = "compressed"


class Unreachable(Exception):
    """No usable answer came back; `sentence` tells the owner of the address why."""

    def __init__(self, kind: Trouble, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case, and no more of the body than was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: int

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be sent, and how much of the answer is wanted."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    answer_bytes: int = ANSWER_BYTES


class Deadline:
    """The moment by which everything has to be over."""

    def __init__(self, seconds: float) -> None:
        self.started = time.monotonic()
        self._ends = self.started + seconds
        self._seconds = seconds

    def left(self) -> float:
        """The seconds that are left, always more than none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> Unreachable:
        return Unreachable(Trouble.TIMEOUT, f"It took longer than {self._seconds:g} s.")

    @property
    def took_ms(self) -> int:
        return round((time.monotonic() - self.started) * 1000)


def perform(call: Call, target: Target, *, found: Sequence[Address], deadline: Deadline) -> Answer:
    """Connect to one of the addresses `found` for `target`, send `call` and read the answer."""
    with _troubles(deadline), closing(_connect(found, target.port, deadline)) as plain:
        if target.scheme == "http":
            return _converse(call, target, Wire(plain, deadline), deadline)
        plain.settimeout(deadline.left())
        with closing(tls_context().wrap_socket(plain, server_hostname=target.host)) as secured:
            return _converse(call, target, Wire(secured, deadline), deadline)


def tls_context() -> ssl.SSLContext:
    """Verifies always; HYDRA_OUTBOUND_CA_FILE adds authorities that this installation trusts."""
    return _tls_context(settings.HYDRA_OUTBOUND_CA_FILE)


@lru_cache(maxsize=4)
def _tls_context(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if authorities:
        context.load_verify_locations(cafile=authorities)
    return context


class Wire:
    """A connected socket as `http.client` needs one, every wait on it bounded by the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self.reader = Reader(sock, deadline)

    def sendall(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            self._sock.settimeout(self._deadline.left())
            view = view[self._sock.send(view) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.reader)

    def close(self) -> None:
        """Nothing: whoever opened the socket closes it, after the body was read."""


class Reader(io.RawIOBase):
    """What comes in, up to a budget that the head must not exceed and the body is cut at."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._budget = HEAD_BYTES
        self._is_head = True

    def allow_body(self, size: int) -> None:
        """Chunks have a few bytes of their own around what they carry."""
        self._budget = 2 * size
        self._is_head = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)[: self._budget]
        if not view and self._is_head:
            raise Unreachable(Trouble.TOO_LARGE, f"Its headers exceed {HEAD_BYTES // 1024} KiB.")
        if not view:
            return 0
        self._sock.settimeout(self._deadline.left())
        received = self._sock.recv_into(view)
        if not received and self._is_head:
            # `http.client` would take a head that breaks off for a whole one.
            raise Unreachable(Trouble.RESET, "It closed the connection before it had answered.")
        self._budget -= received
        return received


def _connect(found: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """The first of the checked addresses that takes the connection.

    Each gets its share of the time, so that one that never answers does not use up all of it.
    """
    ends = time.monotonic() + min(CONNECT_SECONDS, deadline.left())
    candidates = found[:MOST_ADDRESSES]
    failure: OSError = TimeoutError()
    for position, address in enumerate(candidates):
        share = (ends - time.monotonic()) / (len(candidates) - position)
        try:
            return _connect_to(address, port, timeout_seconds=max(share, 0.001))
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise Unreachable(Trouble.TIMEOUT, "It did not take the connection in time.")
    if isinstance(failure, ConnectionRefusedError):
        raise Unreachable(Trouble.REFUSED, "It refused the connection.")
    raise Unreachable(Trouble.REFUSED, "There is no way to it.")


def _connect_to(address: Address, port: int, *, timeout_seconds: float) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_seconds)
        sock.connect((str(address), port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _converse(call: Call, target: Target, wire: Wire, deadline: Deadline) -> Answer:
    connection = HTTPConnection(target.host)
    connection.sock = wire
    connection.putrequest(call.method, target.path, skip_host=True, skip_accept_encoding=True)
    for name, value in _request_headers(call, target).items():
        connection.putheader(name, value)
    connection.endheaders(call.body)
    response = connection.getresponse()
    headers = _answer_headers(response)
    wire.reader.allow_body(call.answer_bytes)
    body = _read_body(response, call.answer_bytes)
    return Answer(response.status, headers, body, deadline.took_ms)


def _request_headers(call: Call, target: Target) -> dict[str, str]:
    """The caller's headers; those that describe the exchange are ours alone to set."""
    headers = {"User-Agent": "Hydra/1.0"} | dict(call.headers)
    ours = {"Host": target.host_header, "Accept-Encoding": "identity", "Connection": "close"}
    if call.body is not None:
        ours["Content-Length"] = str(len(call.body))
    taken = {"host", "accept-encoding", "connection", "content-length", "transfer-encoding"}
    return ours | {name: value for name, value in headers.items() if name.lower() not in taken}


def _answer_headers(response: HTTPResponse) -> dict[str, str]:
    pairs = response.getheaders()
    if len(pairs) > HEADER_LINES:
        raise Unreachable(Trouble.TOO_LARGE, f"It sent more than {HEADER_LINES} headers.")
    headers: dict[str, str] = {}
    for name, value in pairs:
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    # Never unpacked: 48 kB of gzip can hold 50 MB. Nobody may send it, as we ask for identity.
    encodings = f"{headers.get('content-encoding', '')},{headers.get('transfer-encoding', '')}"
    unwanted = {each.strip().lower() for each in encodings.split(",")} - {"", "identity", "chunked"}
    if unwanted:
        raise Unreachable(Trouble.COMPRESSED, "It compressed its answer, which was not asked for.")
    return headers


def _read_body(response: HTTPResponse, size: int) -> bytes:
    """The first `size` bytes; an answer that breaks off has still told its status."""
    try:
        return response.read(size)
    except IncompleteRead as error:
        return bytes(error.partial[:size])
    except ValueError as error:  # a chunk of negative size gets as far as this
        raise Unreachable(Trouble.PROTOCOL, "Its answer is not HTTP.") from error


@contextmanager
def _troubles(deadline: Deadline) -> Iterator[None]:
    """Say in a sentence what the socket, TLS and HTTP layers raise."""
    try:
        yield
    except TimeoutError as error:
        raise deadline.missed() from error
    except ssl.SSLCertVerificationError as error:
        sentence = f"Its certificate was not accepted: {error.verify_message}."
        raise Unreachable(Trouble.TLS, sentence) from error
    except ssl.SSLError as error:
        raise Unreachable(Trouble.TLS, "It does not speak TLS as we do.") from error
    except HTTPException as error:
        raise Unreachable(Trouble.PROTOCOL, "Its answer is not HTTP.") from error
    except OSError as error:
        raise Unreachable(Trouble.RESET, "It broke off the connection.") from error
