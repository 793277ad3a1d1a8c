"""The ASGI applications: `live` for what waits, `embedded` for all of Hydra in one process."""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from django.conf import settings  # noqa: E402  # models need the set-up above

from deployments import live as waiting  # noqa: E402
from deployments import streams  # noqa: E402
from deployments.services.worker import Worker  # noqa: E402
from hydra import interpreter  # noqa: E402
from hydra.raw_http import (  # noqa: E402
    BODY_BYTES,
    BODY_SECONDS,
    LONG,
    REFUSES_BY_LENGTH,
    SLOW,
    Message,
    Receive,
    Scope,
    Send,
    answer_json,
    header,
    read_body,
)
from hydra.threads import Threads  # noqa: E402
from hydra.wsgi import application as pages  # noqa: E402

FOLLOWED = f"{settings.HYDRA_LIVE_URL}{streams.FOLLOW}?".encode()

worker = Worker()
threads = Threads(pages, count=settings.HYDRA_WEB_THREADS)


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """What waits, in a process of its own. It also repairs, so that losing Redis only slows."""
    if scope["type"] == "lifespan":
        interpreter.settle()
        worker.start()
        try:
            await waiting.application(scope, receive, send)
        finally:
            worker.stop()
        return
    await waiting.application(scope, receive, send)


async def whole_body(receive: Receive) -> bytes | None:
    """The body as it arrives within its time; None when it is too slow, too long or cut off.

    Read here, because a thread that waits for a trickling body would be lost to everybody else.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await read_body(receive, most_bytes=BODY_BYTES)
    except TimeoutError:
        return None


def declared_length(scope: Scope) -> int:
    text = header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class Relay:
    """Sends what Django answers, unless that is the way to what waits: then it keeps the way.

    Where both are one process nobody has to be sent from one to the other.
    """

    def __init__(self, send: Send) -> None:
        self.send = send
        self.way: bytes | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            location = dict(message["headers"]).get(b"location", b"")
            if message["status"] == HTTPStatus.TEMPORARY_REDIRECT and location.startswith(FOLLOWED):
                self.way = location.partition(b"?")[2]
        if self.way is None:
            await self.send(message)


async def answer(scope: Scope, receive: Receive, send: Send, *, body: bytes) -> None:
    """Django's answer; of a log that is followed, the stream itself."""
    relay = Relay(send)
    await threads.answer(scope, body, relay)
    if relay.way is not None:
        there = {**scope, "path": streams.FOLLOW, "query_string": relay.way}
        await waiting.application(there, receive, send)


async def embedded(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything behind one port: what waits here, the rest in threads."""
    if scope["type"] != "http" or scope["path"].startswith("/live/"):
        await live(scope, receive, send)
        return
    if declared_length(scope) <= BODY_BYTES:
        body = await whole_body(receive)
        if body is None:
            await answer_json(send, HTTPStatus.REQUEST_TIMEOUT, SLOW)
        else:
            await answer(scope, receive, send, body=body)
    elif scope["path"].startswith(REFUSES_BY_LENGTH):  # in its own words, without reading
        await answer(scope, receive, send, body=b"")
    else:
        await answer_json(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, LONG)
