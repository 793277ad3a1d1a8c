"""Tells whether requirements*.txt still follow from pyproject.toml, and change nothing.

Locking again, preferring what the files hold already, has to give the same files. That asks the
registry. Without one it can only be checked that every dependency that pyproject.toml names is
locked at a version that it allows, and the answer says that no more was checked.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

RUNTIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
NO_REGISTRY = re.compile(
    r"error sending request|failed to fetch|connect|dns|network", re.IGNORECASE
)
STALE = "{} no longer follows from pyproject.toml. Run `make requirements` and commit the result."


def main(uv_compile: list[str]) -> int:
    """Print what is wrong, if anything; the exit status says the same."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pyproject.toml", RUNTIME, DEVELOPMENT):
            shutil.copy(name, folder)
        trouble = lock_again(uv_compile, Path(folder))
        if trouble and NO_REGISTRY.search(trouble):
            return check_names_only()
        if trouble:
            print(trouble, file=sys.stderr)
            return 1
        stale = [
            name
            for name in (RUNTIME, DEVELOPMENT)
            if Path(name).read_text() != Path(folder, name).read_text()
        ]
    for name in stale:
        print(STALE.format(name), file=sys.stderr)
    return 1 if stale else 0


def lock_again(uv_compile: list[str], folder: Path) -> str:
    """Lock in `folder`; what uv complained about."""
    uv = str(Path(uv_compile[0]).absolute())
    runs = (
        ["-o", RUNTIME, "pyproject.toml"],
        ["-o", DEVELOPMENT, "--group", "dev", "-c", RUNTIME, "pyproject.toml"],
    )
    for arguments in runs:
        command = [uv, *uv_compile[1:], *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr
    return ""


def check_names_only() -> int:
    project = tomllib.loads(Path("pyproject.toml").read_text())
    wanted = {
        RUNTIME: project["project"]["dependencies"],
        DEVELOPMENT: project["dependency-groups"]["dev"],
    }
    stale = [name for name, lines in wanted.items() if not is_locked(lines, locked_versions(name))]
    for name in stale:
        print(STALE.format(name), file=sys.stderr)
    if not stale:
        print("No registry could be asked: only names and versions of the locks were checked.")
    return 1 if stale else 0


def locked_versions(name: str) -> dict[str, str]:
    found = re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", Path(name).read_text(), re.MULTILINE
    )
    return dict(found)


def is_locked(lines: list[str], locked: dict[str, str]) -> bool:
    requirements = [Requirement(line) for line in lines]
    return all(
        requirement.specifier.contains(locked.get(canonical(requirement.name), "0"))
        and canonical(requirement.name) in locked
        for requirement in requirements
    )


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
