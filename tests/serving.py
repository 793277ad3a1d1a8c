"""An ASGI application of ours behind a real socket, for as long as a test needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from hydra.cli.local_services import free_port


@contextmanager
def served(application: Any) -> Iterator[int]:
    """The port on which `application` answers."""
    number = free_port()
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=number, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ends = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < ends
        time.sleep(0.01)
    try:
        yield number
    finally:
        server.should_exit = True
        thread.join(20)
