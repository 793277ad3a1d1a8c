"""The embedded shape's threads: what a WSGI application answers is what the client gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hydra.raw_http import Message
from hydra.threads import Threads

Start = Callable[[str, list[tuple[str, str]]], None]


class Pieces:
    """An answer in pieces, which remembers whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        self.is_closed = True


def ask(pieces: Pieces, *, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> Asked:
    asked = Asked()

    def application(environ: dict[str, Any], start: Start) -> Pieces:
        asked.environ = environ
        asked.body = environ["wsgi.input"].read()
        start("201 Created", [("X-Name", "value")])
        return pieces

    async def send(message: Message) -> None:
        asked.messages.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/caf\xe9",
        "query_string": b"a=%20b",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 5555),
        "headers": headers,
    }
    asyncio.run(Threads(application, count=1).answer(scope, body, send))
    return asked


class Asked:
    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.body = b""
        self.messages: list[Message] = []


def test_a_request_arrives_as_wsgi_wants_it() -> None:
    headers = [
        (b"host", b"h"),
        (b"content-length", b"4"),
        (b"content-type", b"text/plain"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
    ]

    asked = ask(Pieces(b"done"), headers=headers, body=b"sent")

    assert asked.body == b"sent"
    expected = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/caf\xc3\xa9",
        "QUERY_STRING": "a=%20b",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "h",
        "CONTENT_LENGTH": "4",
        "CONTENT_TYPE": "text/plain",
        "HTTP_X_TWICE": "1,2",
    }
    assert {name: asked.environ[name] for name in expected} == expected


def test_an_underscore_does_not_pass_for_a_hyphen() -> None:
    headers = [(b"x_forwarded_for", b"10.0.0.1"), (b"host", b"h")]

    asked = ask(Pieces(b"done"), headers=headers)

    assert "HTTP_X_FORWARDED_FOR" not in asked.environ


@pytest.mark.parametrize("pieces", [(), (b"",), (b"one",), (b"one", b"two"), (b"1", b"2", b"3")])
def test_an_answer_arrives_whole_and_is_closed(pieces: tuple[bytes, ...]) -> None:
    answer = Pieces(*pieces)

    asked = ask(answer, headers=[])

    start, *rest = asked.messages
    assert start["status"] == 201
    assert start["headers"] == [(b"x-name", b"value")]
    assert b"".join(message["body"] for message in rest) == b"".join(pieces)
    assert [message.get("more_body", False) for message in rest] == [True] * (len(rest) - 1) + [
        False
    ]
    assert answer.is_closed


def test_a_long_answer_is_never_held_in_memory() -> None:
    sent: list[bytes] = []

    class Long(Pieces):
        def __iter__(self) -> Iterator[bytes]:
            for number in range(100):
                assert len(sent) >= number - 2
                yield b"piece"

    def application(_environ: dict[str, Any], start: Start) -> Pieces:
        start("200 OK", [])
        return Long()

    async def send(message: Message) -> None:
        sent.extend([message["body"]] if "body" in message else [])

    scope = {
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [],
    }
    asyncio.run(Threads(application, count=1).answer(scope, b"", send))

    assert b"".join(sent) == b"piece" * 100


def test_a_failure_reaches_the_server() -> None:
    def application(_environ: dict[str, Any], _start: Start) -> Pieces:
        raise ValueError("broken")

    async def send(_message: Message) -> None:
        raise AssertionError

    scope = {
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [],
    }
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(Threads(application, count=1).answer(scope, b"", send))
