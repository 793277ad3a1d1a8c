"""Named places at which a test may kill the agent, as a power failure would."""

from __future__ import annotations

import os
import signal
import sys

_NAME, _, _COUNT = os.environ.get("HYDRA_CRASH", "").partition(":")
_passes_left = int(_COUNT or 1)


def crashpoint(name: str) -> None:
    """Die here without a farewell if `HYDRA_CRASH` is `name`, or `name:n` at the n-th pass."""
    global _passes_left  # noqa: PLW0603 - counts over the life of the process
    if name != _NAME:
        return
    _passes_left -= 1
    if _passes_left == 0:
        if sys.platform == "win32":
            os._exit(137)
        os.kill(os.getpid(), signal.SIGKILL)
