"""Where a request comes from, a proxy may say only where the settings believe it."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from hydra.cli import processes, up
from hydra.raw_http import Receive, Scope, Send

FORGED = [(b"x-forwarded-for", b"8.8.8.8"), (b"x-forwarded-proto", b"https")]


def seen_by(config: uvicorn.Config) -> tuple[Any, Any]:
    """What an application is told of a request of this machine that says it came from elsewhere."""
    seen: list[Scope] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    config.app, config.interface = application, "asgi3"
    config.load()
    scope: Any = {
        "type": "http",
        "scheme": "http",
        "client": ("127.0.0.1", 5),
        "headers": FORGED,
    }
    served: Any = config.loaded_app
    asyncio.run(served(scope, None, None))
    return seen[0]["client"], seen[0]["scheme"]


def test_the_embedded_server_believes_no_forwarded_address() -> None:
    assert seen_by(up.how_to_serve()) == (("127.0.0.1", 5), "http")


def test_the_server_of_what_waits_believes_none_either() -> None:
    assert "--no-proxy-headers" in processes.commands()["live"]
