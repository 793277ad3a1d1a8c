"""The working folders of deployments, and the `current` link to the one that counts.

    <work-dir>/<project>/<application>/<environment>/deployments/<deployment>/config|scripts
    <work-dir>/<project>/<application>/<environment>/current -> deployments/<deployment>

Names come from the server, so none of them may lead anywhere else: a name that tries refuses the
job, and symbolic links on the way are not followed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from agents.program.offers import ConfigFile, Job, Step

CURRENT = "current"

_DEPLOYMENTS = "deployments"
_SUCCEEDED = ".succeeded"
_SUFFIXES = {"bash": ".sh", "python": ".py", "powershell": ".ps1"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z", re.IGNORECASE)


class BadName(Exception):
    """A name that would leave its folder, or that some system could not store."""


class WorkFolder:
    """The folder of one deployment of one target."""

    def __init__(self, work_dir: Path, job: Job, user: str | None = None) -> None:
        self._work_dir = work_dir
        self._user = user
        self.target = work_dir / job.project / job.application / job.environment
        self.path = self.target / _DEPLOYMENTS / job.deployment
        self.config = self.path / "config"
        self.scripts = self.path / "scripts"

    def prepare(self, files: tuple[ConfigFile, ...]) -> None:
        """Make the folders and write the configuration; BadName or OSError says what cannot be."""
        names = [_checked(file.name) for file in files]
        self._make_folders()
        for name, file in zip(names, files):  # noqa: B905 - `strict` is younger than Python 3.9
            self._make_parents(name)
            self._write(self.config.joinpath(*name.parts), file.content, 0o600)

    def write_script(self, step: Step) -> Path:
        """The step's script as a file; its content is kept byte for byte."""
        path = self.scripts / f"{step.position}{_SUFFIXES[step.type]}"
        self._write(path, step.script.encode("utf-8", "surrogatepass"), 0o700)
        return path

    def make_current(self) -> None:
        """From now on `current` is this deployment. Nobody ever sees no link, or half of one."""
        (self.path / _SUCCEEDED).touch()
        link = self.target / CURRENT
        if sys.platform == "win32":
            _make_junction(link, self.path)
            return
        temporary = self.target / f".{CURRENT}.{self.path.name}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path(_DEPLOYMENTS) / self.path.name, target_is_directory=True)
        temporary.replace(link)

    def prune(self, keep: int, busy: frozenset[str]) -> None:
        """Keep the newest `keep` that succeeded and as many that failed; never a busy one."""
        good: list[Path] = []
        bad: list[Path] = []
        for folder in (self.target / _DEPLOYMENTS).iterdir():
            if folder.name not in busy and not folder.is_symlink():
                (good if (folder / _SUCCEEDED).exists() else bad).append(folder)
        for folders in (good, bad):
            folders.sort(key=_finished_at, reverse=True)
            for folder in folders[max(1, keep) :]:
                if not self._is_current(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def _is_current(self, folder: Path) -> bool:
        try:
            return (self.target / CURRENT).samefile(folder)
        except OSError:
            return False

    def _make_folders(self) -> None:
        """From the work folder down, one by one: what is there already must be a real folder."""
        folder = self._work_dir
        folder.mkdir(parents=True, exist_ok=True)
        for part in (*self.path.relative_to(self._work_dir).parts, "config"):
            folder = folder / part
            self._make_folder(folder)
        self._make_folder(self.scripts)

    def _make_parents(self, name: PurePosixPath) -> None:
        folder = self.config
        for part in name.parts[:-1]:
            folder = folder / part
            self._make_folder(folder)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if folder.is_symlink() or not folder.is_dir():
                raise BadName(f"{folder} is not a folder of its own.") from None
            return
        self._give(folder)

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        """Whole or not at all; a link that stands at `path` is replaced, never followed."""
        temporary = path.with_name(f".{path.name}.hydra")
        temporary.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            file.write(content)
        self._give(temporary)
        temporary.replace(path)

    def _give(self, path: Path) -> None:
        """To the user that the policy names, when the agent itself is another."""
        if self._user is not None:
            shutil.chown(path, self._user)


def _checked(name: str) -> PurePosixPath:
    """`name` as a path below the configuration folder; BadName when it is not one."""
    parts = name.split("/")
    if not name or any(_is_bad(part) for part in parts):
        raise BadName(
            f"The configuration file {name!r} has a name that leads out of its folder or that "
            "not every system can store. Nothing was run."
        )
    return PurePosixPath(name)


def _is_bad(part: str) -> bool:
    """Also what is harmless here but not on another system: one rule for all of them."""
    return (
        part in {"", ".", ".."}
        or part != part.strip()
        or part.endswith(".")
        or any(sign in '\\:*?"<>|' or sign < " " for sign in part)
        or len(part.encode("utf-8", "surrogatepass")) > 200
        or bool(_RESERVED.match(part))
    )


def _finished_at(folder: Path) -> float:
    mark = folder / _SUCCEEDED
    try:
        return (mark if mark.exists() else folder).stat().st_mtime_ns
    except OSError:
        return 0.0


def _make_junction(link: Path, target: Path) -> None:
    """Windows lets anyone make a junction, but only administrators a symbolic link."""
    if link.exists():
        link.rmdir()
    command = ["cmd", "/c", "mklink", "/J", str(link), str(target)]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode != 0:
        raise OSError(f"{link} could not be switched: {made.stderr.decode(errors='replace')}")
