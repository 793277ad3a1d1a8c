"""The servers that tests and `make stack` start: they answer, keep data, and never stay behind."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hydra.cli.local_services import (
    CannotStart,
    LocalPostgres,
    LocalValkey,
    data_for_nobody,
    is_reachable_by_all,
    postgres_binaries,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Pytest's folders are private, so a root's PostgreSQL keeps its data elsewhere."""
    wanted = tmp_path / "postgres"
    yield wanted
    shutil.rmtree(data_for_nobody(wanted).parent, ignore_errors=True)


def test_postgres_keeps_its_data_from_one_start_to_the_next(data: Path) -> None:
    with LocalPostgres(data=data) as postgres, psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    with LocalPostgres(data=data) as postgres, psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_two_servers_on_one_data_folder_are_refused_with_a_reason(data: Path) -> None:
    with (
        LocalPostgres(data=data),
        pytest.raises(CannotStart, match=r"postmaster\.pid"),
        LocalPostgres(data=data),
    ):
        pass


def test_valkey_asks_for_its_password_and_comes_back_at_its_address() -> None:
    with LocalValkey() as valkey:
        client = redis.Redis.from_url(valkey.url)
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        client.close()
        stranger = redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0))
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()

    with LocalValkey(port=valkey.port, password=valkey.password) as again:
        assert again.url == valkey.url


def test_nothing_stays_behind_after_a_stop() -> None:
    with LocalPostgres(is_durable=False) as postgres, LocalValkey() as valkey:
        pids = [postgres.pid, valkey.pid]
        folders = [postgres.folder, valkey.folder]

    assert not [pid for pid in pids if is_running(pid)]
    assert not [folder for folder in folders if folder is None or folder.exists()]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_killing_the_parent_ends_the_servers() -> None:
    program = (
        "import time; from hydra.cli.local_services import LocalPostgres as P, LocalValkey as V\n"
        "with P(is_durable=False) as p, V() as v:\n"
        "    print(p.pid, v.pid, p.folder, v.folder, flush=True)\n"
        "    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        words = parent.stdout.readline().split()
        pids, folders = [int(pid) for pid in words[:2]], words[2:]
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for folder in folders:
        shutil.rmtree(folder)
    assert len(pids) == 2
    assert not [pid for pid in pids if is_running(pid)]


def test_programs_that_are_named_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PGBIN", str(tmp_path))

    assert postgres_binaries() == tmp_path


def test_a_folder_below_a_private_one_is_not_for_everybody(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert not is_reachable_by_all(tmp_path / "deeper" / "still")
    assert is_reachable_by_all(Path("/usr/bin"))


def is_running(pid: int) -> bool:
    """Whether `pid` does anything: a zombie that nobody collected is over."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
