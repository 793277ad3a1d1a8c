"""A connection that answered a moment ago is not asked whether it is still alive.

Django asks at the first statement of each request, which a busy thread pays for every time.
"""

from __future__ import annotations

import time
from typing import Any

from django.db.backends.postgresql import base

UNUSED_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    used_at = 0.0

    def create_cursor(self, name: str | None = None) -> Any:
        self.used_at = time.monotonic()
        return super().create_cursor(name)

    def close_if_health_check_failed(self) -> None:
        if time.monotonic() - self.used_at > UNUSED_SECONDS:
            super().close_if_health_check_failed()
