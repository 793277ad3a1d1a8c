"""How the settings read the environment: modes, secrets, and what stops a start."""

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hydra import environment

ROOT = Path(__file__).resolve().parents[2]
KEY = base64.b64encode(bytes(32)).decode()
FULL = {"DATABASE_URL": "postgres://u@h/d", "REDIS_URL": "redis://h/0"}
SECRETS = {"SECRET_KEY": "s" * 50, "HYDRA_ENCRYPTION_KEYS": f"k1:{KEY}"}


def load(home: Path, expression: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Print `expression` over the settings in a process with just these variables."""
    program = f"from hydra import settings as s; print({expression})"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HYDRA_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_addresses_it_runs_embedded_and_makes_its_secrets_once(tmp_path: Path) -> None:
    first = load(tmp_path, "s.HYDRA_EMBEDDED, s.SECRET_KEY")
    second = load(tmp_path, "s.HYDRA_EMBEDDED, s.SECRET_KEY")

    assert first.stdout.startswith("True ")
    assert second.stdout == first.stdout
    made = tmp_path / "secrets.json"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert set(json.loads(made.read_text())) == {"SECRET_KEY", "HYDRA_ENCRYPTION_KEYS"}
    assert [file.name for file in tmp_path.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        (FULL, "SECRET_KEY is missing"),
        ({**FULL, "SECRET_KEY": "s" * 50}, "HYDRA_ENCRYPTION_KEYS is missing"),
        ({**FULL, **SECRETS, "HYDRA_ENCRYPTION_KEYS": "k1:short"}, "the entry 'k1' is not"),
        ({"DATABASE_URL": "postgres://u@h/d"}, "REDIS_URL is missing"),
        ({"REDIS_URL": "redis://h/0"}, "DATABASE_URL is missing"),
        ({**FULL, **SECRETS, "DATABASE_URL": "mysql://u@h/d"}, "DATABASE_URL must be"),
        ({"PORT": "http"}, "PORT must be a whole number"),
        ({"PORT": "\uff18\uff10\uff10\uff10"}, "PORT must be a whole number"),
        ({"DEBUG": "maybe"}, "DEBUG must be true or false"),
        ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE cannot be read"),
    ],
)
def test_what_is_missing_or_wrong_stops_the_start_with_its_name(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    done = load(tmp_path, "1", **variables)

    assert done.returncode == 1
    assert named in done.stderr
    assert not (tmp_path / "secrets.json").exists() or "DATABASE_URL" not in variables


def test_a_mounted_file_counts_without_its_last_newline(tmp_path: Path) -> None:
    mounted = tmp_path / "key"
    mounted.write_text("f" * 60 + "\n")

    done = load(tmp_path, "s.SECRET_KEY", SECRET_KEY_FILE=str(mounted))

    assert done.stdout == "f" * 60 + "\n"


def test_https_makes_cookies_secure_and_http_does_not(tmp_path: Path) -> None:
    shown = "s.SESSION_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0"

    assert load(tmp_path, shown).stdout == "False False False\n"
    assert load(tmp_path, shown, HYDRA_URL="https://h.example").stdout == "True True True\n"


def test_only_a_live_address_of_its_own_is_added_to_the_policy(tmp_path: Path) -> None:
    shown = "s.CONTENT_SECURITY_POLICY['DIRECTIVES']['connect-src']"

    assert load(tmp_path, shown).stdout == """["'self'"]\n"""
    other = load(tmp_path, shown, HYDRA_LIVE_URL="https://live.example/x")
    assert other.stdout == """["'self'", 'https://live.example']\n"""


def test_a_database_behind_a_socket_is_found(tmp_path: Path) -> None:
    address = "postgres://hydra@/hydra?host=/run/pg"
    database = load(
        tmp_path, "s.DATABASES['default']", **{**FULL, **SECRETS, "DATABASE_URL": address}
    ).stdout

    assert "'host': '/run/pg'" in database
    assert "'NAME': 'hydra'" in database


def test_the_first_encryption_key_comes_first() -> None:
    keys = environment.encryption_keys(f"new:{KEY}, old:{KEY}")

    assert list(keys) == ["new", "old"]


@pytest.mark.parametrize("spelled", [f":{KEY}", "k1", "k1:!!", f"k1:{KEY[:-4]}"])
def test_a_malformed_encryption_key_is_refused(spelled: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="base64 of 32 bytes"):
        environment.encryption_keys(spelled)
