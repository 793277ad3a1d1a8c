"""Chooses the database of a test run, and starts it, before Django's settings are read.

Loaded with `-p tests.plugin` (pyproject.toml), because a conftest.py comes too late for that.
`HYDRA_TEST_DB=postgres` runs the tests on PostgreSQL and Valkey, which are started here unless
`DATABASE_URL` and `REDIS_URL` name others; anything else runs on SQLite. The controller of
pytest-xdist starts the servers; its workers inherit the addresses, and pytest-django gives each
of them a database of its own.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from hydra.cli.local_services import LocalPostgres, LocalValkey

# What the person who runs the tests may have set for their own Hydra.
NOT_FOR_TESTS = (
    "DEBUG",
    "PORT",
    "HYDRA_BIND",
    "HYDRA_LIVE_PORT",
    "HYDRA_LIVE_URL",
    "HYDRA_OUTBOUND_ALLOW",
    "HYDRA_SMTP_HOST",
    "HYDRA_URL",
    "HYDRA_VERIFY_EMAIL",
)
PREPARED = "HYDRA_TEST_PREPARED"


def prepare() -> None:
    """Give this run a home of its own and the wanted database."""
    if os.environ.get(PREPARED):
        return  # a worker of pytest-xdist: its controller has done it
    os.environ[PREPARED] = "1"
    for name in NOT_FOR_TESTS:
        os.environ.pop(name, None)
    home = tempfile.mkdtemp(prefix="hydra-test-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HYDRA_HOME"] = home
    # A thread that a test leaves behind must not leave its connection open with it.
    os.environ["HYDRA_DATABASE_CONNECTION_SECONDS"] = "0"
    (Path(home) / "static").mkdir()  # full mode looks for what was collected
    if os.environ.get("HYDRA_TEST_DB", "sqlite") == "postgres":
        start_services()
        give_secrets()
    else:
        os.environ.pop("DATABASE_URL", None)
        os.environ.pop("REDIS_URL", None)


def start_services() -> None:
    if not os.environ.get("DATABASE_URL"):
        postgres = LocalPostgres(is_durable=False)
        postgres.start()
        atexit.register(postgres.stop)
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL"):
        valkey = LocalValkey()
        valkey.start()
        atexit.register(valkey.stop)
        os.environ["REDIS_URL"] = valkey.url


def give_secrets() -> None:
    """The full mode makes none for itself."""
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 5)
    key = "dGVzdHMgb25seSwgdGVzdHMgb25seSwgMzIgYnl0ZXM="
    os.environ.setdefault("HYDRA_ENCRYPTION_KEYS", f"test:{key}")


prepare()
