"""What the agent tells the person who watches it: plain sentences on standard error."""

from __future__ import annotations

import sys
import time

_never_said: list[str] = []


def keep_secret(value: str) -> None:
    """From now on `value` is struck out of everything that is said."""
    _never_said.append(value)


def say(sentence: str) -> None:
    """One line with the local time, written at once and whole."""
    for value in _never_said:
        sentence = sentence.replace(value, "***")
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sentence}\n"
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody listens any more (a closed terminal, a full disk): that must not end a job.
        return
