"""Named places at which a test may kill the server, as a power failure would.

`HYDRA_SERVER_CRASH=name` kills the process that passes the place of that name, once for each
installation: `HYDRA_SERVER_CRASH_ONCE` names the file that remembers it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_NAME = os.environ.get("HYDRA_SERVER_CRASH", "")
_ONCE = os.environ.get("HYDRA_SERVER_CRASH_ONCE", "")


def crashpoint(name: str) -> None:
    """Die here without a farewell if a test asked for it; otherwise nothing."""
    if name != _NAME or not _ONCE:
        return
    try:
        Path(_ONCE).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
