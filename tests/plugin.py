"""Chooses the database of a test run, and starts it, before Django's settings are read.

Loaded with `-p tests.plugin` (pyproject.toml), because a conftest.py comes too late for that.
`HYDRA_TEST_DB=postgres` runs the tests on PostgreSQL and Valkey; anything else on SQLite. The
controller of pytest-xdist starts the servers; its workers inherit the addresses, and each of them
gets a database of its own from pytest-django.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def prepare() -> None:
    """Point this run at a home of its own and at the wanted database."""
    if os.environ.get("HYDRA_TEST_PREPARED"):
        return  # a worker of pytest-xdist: its controller has done it
    os.environ["HYDRA_TEST_PREPARED"] = "1"
    home = Path(tempfile.mkdtemp(prefix="hydra-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HYDRA_HOME"] = str(home)
    for name in ("DATABASE_URL", "REDIS_URL", "DEBUG", "HYDRA_URL", "HYDRA_LIVE_URL"):
        os.environ.pop(name, None)


prepare()
