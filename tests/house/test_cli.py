"""The `hydra` command, as somebody runs it who is not where the server is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_HANDED_ON = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")


def test_verifying_where_there_is_no_database_says_what_to_set(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}

    done = subprocess.run(
        [sys.executable, "-m", "hydra", "verify-audit"],
        cwd=ROOT,
        env={**environment, "HYDRA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "Set HYDRA_HOME, or DATABASE_URL and REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
