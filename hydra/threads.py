"""A WSGI application behind an ASGI server: each request is one job for a thread.

What comes as one piece, and that is all but downloads, crosses between thread and event loop
twice: once as a request, once as an answer. Every further crossing costs as much as a query.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Protocol

from hydra.raw_http import Message, Scope, Send

Push = Callable[[Message], None]


class Answer(Protocol):
    """As Django gives it: the response itself, which is closed when it is over."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


Application = Callable[[dict[str, Any], Callable[..., Any]], Answer]

BARE = {b"content-length": "CONTENT_LENGTH", b"content-type": "CONTENT_TYPE"}


class Threads:
    """Runs `application` in `count` threads of its own."""

    def __init__(self, application: Application, *, count: int) -> None:
        self.application = application
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="web")

    async def answer(self, scope: Scope, body: bytes, send: Send) -> None:
        loop = asyncio.get_running_loop()

        def push(message: Message) -> None:
            """Send from the thread, which waits until the receiver has taken it."""
            asyncio.run_coroutine_threadsafe(as_coroutine(send, message), loop).result()

        environ = environ_of(scope, body)
        for message in await loop.run_in_executor(self.pool, self.run, environ, push):
            await send(message)

    def run(self, environ: dict[str, Any], push: Push) -> list[Message]:
        """The messages of the answer that are left to send; those before the last are pushed."""
        messages: list[Message] = []

        def start(status: str, headers: list[tuple[str, str]], _failure: object = None) -> None:
            messages[:] = [start_message(status, headers)]

        answer = self.application(environ, start)
        with closing(answer):
            for piece in answer:
                if len(messages) > 1:
                    for message in messages:
                        push(message)
                    messages.clear()
                messages.append({"type": "http.response.body", "body": piece, "more_body": True})
        messages.append({"type": "http.response.body", "body": b""})
        return joined(messages)


async def as_coroutine(send: Send, message: Message) -> None:
    await send(message)


def joined(messages: list[Message]) -> list[Message]:
    """The end of the answer in the last piece of it, where there is one."""
    *before, piece, end = messages
    if piece["type"] != "http.response.body":
        return messages
    return [*before, {**end, "body": piece["body"]}]


def start_message(status: str, headers: list[tuple[str, str]]) -> Message:
    return {
        "type": "http.response.start",
        "status": int(status.split(" ", 1)[0]),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ],
    }


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue  # it would be taken for the header that is spelled with a hyphen
        key = BARE.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ
