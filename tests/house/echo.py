"""A WSGI application that says what it was sent, for servers under test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from hydra import logs, web_worker

logs.configure(level="WARNING", as_json=True)  # as the settings do when Django starts
web_worker.ARRIVE_SECONDS = 3.0  # a test does not wait for twenty


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    refused = length > 2 * 1024 * 1024
    body = b"" if refused else environ["wsgi.input"].read(length)
    told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {len(body)} ".encode()
    told += hashlib.sha256(body).hexdigest().encode()
    start("413 Too Long" if refused else "200 OK", [("Content-Length", str(len(told)))])
    return [told]
