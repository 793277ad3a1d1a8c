"""The ASGI applications: `live` for what waits, `embedded` for all of Hydra in one process."""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from a2wsgi import WSGIMiddleware  # noqa: E402  # models need the set-up above
from django.conf import settings  # noqa: E402

from deployments import live as waiting  # noqa: E402
from deployments.services.worker import Worker  # noqa: E402
from hydra.wsgi import application as pages  # noqa: E402

BODY_SECONDS = 20
BODY_BYTES = 1024 * 1024 + 64 * 1024  # what the longest form or log range may take
SLOW = {"error": "The body did not arrive in time.", "code": "timeout"}
LONG = {"error": "The body is longer than 1 MiB.", "code": "too_large"}
REFUSES_BY_LENGTH = ("/api/", "/v1/", "/v2/")

worker = Worker()
wsgi = WSGIMiddleware(pages, workers=settings.HYDRA_WEB_THREADS)  # type: ignore[arg-type]  # Django types its environ as a dict


async def live(scope: waiting.Scope, receive: waiting.Receive, send: waiting.Send) -> None:
    """What waits, in a process of its own. It also repairs, so that losing Redis only slows."""
    if scope["type"] == "lifespan":
        worker.start()
        try:
            await waiting.application(scope, receive, send)
        finally:
            worker.stop()
        return
    await waiting.application(scope, receive, send)


async def whole_body(receive: waiting.Receive) -> bytes | None:
    """The body as it arrives within its time; None when it is too slow, too long or cut off.

    Read here, because a thread that waits for a trickling body would be lost to everybody else.
    """
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                piece: bytes = message.get("body", b"")
                body += piece
                if len(body) > BODY_BYTES:
                    return None
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return None


def replay(body: bytes, receive: waiting.Receive) -> waiting.Receive:
    """What the application receives instead: the whole body at once, then what comes after."""
    told = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> waiting.Message:
        message: waiting.Message | None = next(told, None)
        return message if message is not None else await receive()

    return again


def declared_length(scope: waiting.Scope) -> int:
    text = waiting.header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


async def embedded(scope: waiting.Scope, receive: waiting.Receive, send: waiting.Send) -> None:
    """Everything behind one port: what waits here, the rest in threads."""
    if scope["type"] == "http" and not scope["path"].startswith("/live/"):
        if declared_length(scope) <= BODY_BYTES:  # the API refuses longer ones without reading
            body = await whole_body(receive)
            if body is None:
                await waiting.answer_json(send, HTTPStatus.REQUEST_TIMEOUT, SLOW)
                return
            receive = replay(body, receive)
        elif not scope["path"].startswith(REFUSES_BY_LENGTH):
            await waiting.answer_json(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, LONG)
            return
        await wsgi(scope, receive, send)  # type: ignore[arg-type]  # the same three, typed otherwise
        return
    await live(scope, receive, send)
