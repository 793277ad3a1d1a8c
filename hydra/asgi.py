"""The ASGI applications: `live` for what waits, `embedded` for all of Hydra in one process."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from a2wsgi import WSGIMiddleware  # noqa: E402  # models need the set-up above
from django.conf import settings  # noqa: E402

from deployments import live as waiting  # noqa: E402
from deployments.services.worker import Worker  # noqa: E402
from hydra.wsgi import application as pages  # noqa: E402

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


async def embedded(scope: waiting.Scope, receive: waiting.Receive, send: waiting.Send) -> None:
    """Everything behind one port: what waits here, the rest in threads."""
    if scope["type"] == "http" and not scope["path"].startswith("/live/"):
        await wsgi(scope, receive, send)  # type: ignore[arg-type]  # the same three, typed otherwise
        return
    await live(scope, receive, send)
