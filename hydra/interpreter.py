"""How CPython shares its one lock and tidies up, in the processes that serve."""

from __future__ import annotations

import gc
import sys

# A thread that computes keeps the lock for 5 ms unless told otherwise: so long an answer that is
# ready waits for a sweep, a parked agent for somebody's page.
SWITCH_SECONDS = 0.0005
# Hardly anything here is in circles. What is freed by counting needs no search, and a search of
# everything that a server has loaded takes as long as ten requests.
THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """To be called once, when all that a process needs is loaded and before it serves."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
