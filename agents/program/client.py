"""Calls to the server: connections that stay open, answers that are believed only when whole.

Anything but a clear answer is `Trouble`, to be tried again: a cut connection, an error page, a
proxy's HTML with status 200, half a JSON text. Every call may be repeated; the server sees to it.
"""

from __future__ import annotations

import http.client
import json
import random
import select
import socket
import ssl
import sys
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

from agents.program import __version__
from agents.program.saying import say
from agents.protocol import FENCED, JOBS, SUPERSEDED, job_path

PATIENCE_SECONDS = 30.0
CONNECT_SECONDS = 10.0
MAX_PAUSE_SECONDS = 60.0

_FIRST_PAUSE_SECONDS = 0.2
_IDLE_CONNECTIONS = 6


class Trouble(Exception):
    """No usable answer; try again. `retry_in` is the server's wish, if it had one."""

    def __init__(self, message: str, retry_in: float = 0.0) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class NotKnown(Exception):
    """The server does not know this key, or does not let it in."""


class TooOld(Exception):
    """The server no longer speaks this agent's protocol."""


class Superseded(Exception):
    """A newer session has this agent's identity; `hello_at` is when, by the server's clock."""

    def __init__(self, message: str, hello_at: float | None) -> None:
        super().__init__(message)
        self.hello_at = hello_at


class Fenced(Exception):
    """The job is no longer this agent's."""


class Backoff:
    """How long to wait before the next try: any time up to a bound that doubles, 60 s at most."""

    def __init__(self, first: float = _FIRST_PAUSE_SECONDS) -> None:
        self._bound = first

    def next_pause(self, wish: float = 0.0) -> float:
        pause = random.uniform(0.01, self._bound)  # noqa: S311 - spreads load, guards nothing
        self._bound = min(MAX_PAUSE_SECONDS, self._bound * 2)
        return max(pause, wish * random.uniform(1.0, 1.5))  # noqa: S311


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    body: bytes


class _Connection(http.client.HTTPConnection):
    """Sends a request in one piece, so that it arrives as one packet if it is short."""

    pieces: list[bytes]

    def send(self, data: bytes) -> None:  # type: ignore[override]  # never files or iterators here
        self.pieces.append(bytes(data))

    def send_out(self, timeout: float) -> None:
        if self.sock is None:
            self.timeout = min(timeout, CONNECT_SECONDS)
            self.connect()
        whole, self.pieces = b"".join(self.pieces), []
        self.sock.settimeout(timeout)
        self.sock.sendall(whole)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Request(NamedTuple):
    """One call, as often as it may have to be tried."""

    method: str
    url: SplitResult
    body: bytes
    headers: Mapping[str, str]
    timeout: float
    parking: Parking | None

    @property
    def origin(self) -> tuple[str, str]:
        return (self.url.scheme, self.url.netloc)

    @property
    def target(self) -> str:
        path = self.url.path or "/"
        return f"{path}?{self.url.query}" if self.url.query else path

    @property
    def is_given_up(self) -> bool:
        return self.parking is not None and self.parking.is_over


class Parking:
    """Lets another thread cut short a call that waits for its answer."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def hold(self, waiting: socket.socket | None) -> None:
        with self._lock:
            self._socket = waiting
            if self._is_over:
                self._cut()

    def end(self) -> None:
        """The call ends with Trouble, now or as soon as it begins."""
        with self._lock:
            self._is_over = True
            self._cut()

    @property
    def is_over(self) -> bool:
        return self._is_over

    def _cut(self) -> None:
        if self._socket is None:
            return
        try:
            # Below TLS: the thread that waits in it must find its own end.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except (OSError, ValueError):
            return  # it was closed already


class Client:
    """One agent's calls. Threads share it; each call has a connection to itself."""

    def __init__(self, server: str, key: str, ca_file: Path | None = None) -> None:
        self.server = server.rstrip("/")
        self.session = ""
        self._headers = {
            "Authorization": f"Bearer {key}",
            "User-Agent": f"hydra-agent/{__version__}",
            "Accept": "application/json",
        }
        self._tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._idle: dict[tuple[str, str], list[_Connection]] = defaultdict(list)
        self._lock = threading.Lock()
        self._answers_again = threading.Condition()
        self._is_away = False
        self._is_closed = False

    def ask(
        self,
        place: str,
        message: Mapping[str, object],
        *,
        timeout: float = PATIENCE_SECONDS,
        parking: Parking | None = None,
    ) -> dict[str, object]:
        """POST `message`; the answer, or one of the exceptions above."""
        body = json.dumps(message, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        request = _Request("POST", self._url(place), body, headers, timeout, parking)
        return self._exchange(request)

    def put_log(self, job: str, query: Mapping[str, object], body: bytes) -> dict[str, object]:
        """PUT a range of a job's log, with its checksum."""
        whole = {"session": self.session, **query, "crc32": f"{zlib.crc32(body):08x}"}
        url = self._url(f"{job_path(job, 'log')}?{urlencode(whole)}")
        headers = {"Content-Type": "application/octet-stream"}
        return self._exchange(_Request("PUT", url, body, headers, PATIENCE_SECONDS, None))

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the server answers someone again."""
        with self._answers_again:
            if not self._is_closed:
                self._answers_again.wait(seconds)

    def wake(self) -> None:
        """Whoever pauses looks again whether to go on."""
        with self._answers_again:
            self._answers_again.notify_all()

    def close(self) -> None:
        """Nobody waits any longer."""
        with self._answers_again:
            self._is_closed = True
            self._answers_again.notify_all()

    def _url(self, place: str) -> SplitResult:
        return urlsplit(place if "://" in place else self.server + place)

    def _exchange(self, request: _Request) -> dict[str, object]:
        try:
            answer = self._send(request)
            told = _read(answer, is_of_job=request.url.path.startswith(JOBS))
        except Trouble as trouble:
            if not request.is_given_up:
                self._note_away(str(trouble))
            raise
        except (NotKnown, Superseded, Fenced, TooOld):
            self._note_answer()
            raise
        self._note_answer()
        return told

    def _send(self, request: _Request) -> Answer:
        """One try; a second one at once if the connection had been closed while it lay idle."""
        connection, was_idle = self._take(request)
        try:
            return self._send_on(connection, request)
        except Trouble:
            if not was_idle or request.is_given_up:
                raise
        return self._send_on(self._open(request), request)

    def _send_on(self, connection: _Connection, request: _Request) -> Answer:
        is_whole = False
        try:
            headers = {**self._headers, **request.headers}
            connection.request(request.method, request.target, request.body, headers)
            connection.send_out(request.timeout)
            if request.parking is not None:
                request.parking.hold(connection.sock)
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
            is_whole = True
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Trouble(_cause(error)) from error
        finally:
            if request.parking is not None:
                request.parking.hold(None)
            if not is_whole:
                connection.close()
        self._give_back(connection, request)
        return answer

    def _take(self, request: _Request) -> tuple[_Connection, bool]:
        """A connection that lay idle, else a new one.

        A poll leaves the freshest one to whoever has to be quick next: the start of the job that
        the poll brings.
        """
        spare = 1 if request.parking is not None else 0
        with self._lock:
            idle = self._idle[request.origin]
            while len(idle) > spare:
                connection = idle.pop(0 if spare else -1)
                if _is_open(connection):
                    return connection, True
                connection.close()
        return self._open(request), False

    def _open(self, request: _Request) -> _Connection:
        host, port = request.url.hostname or "", request.url.port
        connection: _Connection
        if request.url.scheme == "https":
            connection = _SecureConnection(host, port, context=self._tls)
        else:
            connection = _Connection(host, port)
        connection.pieces = []
        return connection

    def _give_back(self, connection: _Connection, request: _Request) -> None:
        if connection.sock is None:
            return  # the server closed it with its answer
        with self._lock:
            idle = self._idle[request.origin]
            idle.append(connection)
            surplus = idle.pop(0) if len(idle) > _IDLE_CONNECTIONS else None
        if surplus is not None:
            surplus.close()

    def _note_away(self, why: str) -> None:
        with self._answers_again:
            if not self._is_away:
                say(f"The server {self.server} does not answer ({why}). Trying again.")
            self._is_away = True

    def _note_answer(self) -> None:
        with self._answers_again:
            if self._is_away:
                self._is_away = False
                say("The server answers again.")
                self._answers_again.notify_all()


def _read(answer: Answer, *, is_of_job: bool) -> dict[str, object]:
    """What the server told; refusals that mean something here become exceptions of their own."""
    try:
        told: object = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Trouble(f"an answer with status {answer.status} that is not Hydra's")
    if 200 <= answer.status < 300:
        return told
    raise _refusal(answer.status, told, is_of_job=is_of_job)


def _refusal(status: int, told: Mapping[str, object], *, is_of_job: bool) -> Exception:
    message = str(told.get("error") or f"status {status}")
    code = told.get("code")
    if status in {401, 403}:
        return NotKnown(message)
    if status == 426:
        return TooOld(message)
    if status == 409 and code == SUPERSEDED:
        return Superseded(message, _number(told.get("hello_at")))
    if is_of_job and (status in {404, 410} or code == FENCED):
        return Fenced(message)
    return Trouble(message, _number(told.get("retry_in")) or 0.0)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _cause(error: Exception) -> str:
    """Why a call failed, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection"
    if isinstance(error, http.client.HTTPException):
        return f"an answer that is not whole: {type(error).__name__}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _is_open(connection: _Connection) -> bool:
    """Whether the server has left an idle connection alone: nothing may have arrived on it."""
    try:
        if sys.platform == "win32":
            return not select.select([connection.sock], [], [], 0)[0]
        watch = select.poll()
        watch.register(connection.sock, select.POLLIN)
        return not watch.poll(0)
    except (OSError, ValueError):
        return False
