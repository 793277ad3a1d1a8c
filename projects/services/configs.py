"""Base config files of applications: parsed when saved, so that a deployment never meets a typo."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.db import transaction
from django.utils import timezone

from hydra.errors import Conflict, Invalid, NotFound
from orgs.models import Actor
from orgs.services import events
from orgs.services.events import Subject
from projects import merging
from projects.models import Application, ConfigFile, FileType, Override, Strategy
from projects.services import applications
from projects.services.naming import require_text
from projects.services.rules import require_pattern

LARGEST_BYTES = 1024 * 1024
LONGEST_PATH = 200
# As agents refuse them on every system: a project's files go to servers of any kind.
WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
# What Windows or a shell would read as something else than a name.
NOT_IN_PATHS = frozenset('<>:"|?*\\')


class ConfigFileExists(Conflict):
    """An application has one file of a name, or one for each version pattern."""

    code = "config_file_exists"


class Unparsable(Invalid):
    """A text is not what its file's type says; `line` and `column` count from 1."""

    code = "unparsable"

    def __init__(self, error: merging.ConfigError, *, at: str, file: str) -> None:
        message = f"{file} was not saved: {error}"
        super().__init__(message, details=[{"location": at, "message": str(error)}])
        self.line = error.line
        self.column = error.column


@dataclass(frozen=True)
class ConfigFacts:
    """What a config file is."""

    name: str
    file_type: str
    content: str
    version_pattern: str = ""


@transaction.atomic
def save_config_file(
    application: Application,
    *,
    facts: ConfigFacts,
    by: Actor,
    config_file: ConfigFile | None = None,
) -> ConfigFile:
    """Make a config file, or replace `config_file`, once it parses and its overrides still fit."""
    application = applications.lock(application)
    require_sound(facts)
    others = application.config_files.all()
    if config_file is not None:
        config_file = others.filter(pk=config_file.pk).first()
        if config_file is None:
            raise NotFound("This config file has been deleted meanwhile.")
        others = others.exclude(pk=config_file.pk)
    require_place(facts, among=others)
    require_overrides_fit(config_file, facts)
    is_new = config_file is None
    config_file = config_file or ConfigFile(application=application, position=others.count())
    before = described(config_file)
    apply(facts, config_file)
    config_file.save()
    if is_new:
        record(config_file, "config_file.created", by=by)
    else:
        told = events.changes(before, described(config_file))
        record(config_file, "config_file.updated", by=by, **told)
    return config_file


@transaction.atomic
def delete_config_file(config_file: ConfigFile, *, by: Actor) -> None:
    """Delete a file, with what projects override in it."""
    applications.lock(config_file.application)
    record(config_file, "config_file.deleted", by=by)
    config_file.delete()


def described(config_file: ConfigFile) -> dict[str, str]:
    """What a file is, as events tell of it; what stands in it, they do not tell."""
    return {
        "name": config_file.name,
        "file_type": config_file.file_type,
        "version_pattern": config_file.version_pattern,
        "content": events.outline(config_file.content),
    }


def apply(facts: ConfigFacts, config_file: ConfigFile) -> None:
    config_file.name = facts.name
    config_file.file_type = facts.file_type
    config_file.content = facts.content
    config_file.version_pattern = facts.version_pattern
    config_file.updated_at = timezone.now()


def require_sound(facts: ConfigFacts) -> None:
    require_safe_path(facts.name)
    if facts.file_type not in FileType.values:
        known = ", ".join(FileType.values)
        raise Invalid.at("file_type", f"The type must be one of {known}.")
    if facts.version_pattern:
        require_pattern(Strategy.REGEX, facts.version_pattern, at="version_pattern")
    require_parses(facts.file_type, facts.content, at="content", file=facts.name)


def require_safe_path(name: str) -> None:
    """Refuse every name that could lead out of the folder that an agent writes the files to."""
    message = unsafe_path(name)
    if message:
        raise Invalid.at("name", message, "Write it like app.env or conf/app.json.")


def unsafe_path(name: str) -> str:
    """What is wrong with `name` as a path below the config folder; empty when nothing is."""
    if not name or len(name) > LONGEST_PATH:
        return f"A file name has 1 to {LONGEST_PATH} characters."
    if not name.isprintable():
        return "A file name holds no control characters."
    if found := sorted(NOT_IN_PATHS.intersection(name)):
        return f"A file name holds no {' '.join(found)}."
    parts = name.split("/")
    if name.startswith("/") or "" in parts:
        return "A file name is relative: it has no slash at its beginning or end, nor two together."
    if any(part in {".", ".."} for part in parts):
        return "A file name does not lead elsewhere: no . and .. in it."
    return next(filter(None, map(unsafe_part, parts)), "")


def unsafe_part(part: str) -> str:
    if WINDOWS_DEVICE.match(part):
        return "No part of a file name is one that Windows keeps for a device, such as CON."
    if part != part.strip() or part.endswith("."):
        return "No part of a file name begins or ends with a space, or ends with a dot."
    return ""


def require_parses(file_type: str, content: str, *, at: str, file: str) -> None:
    """Refuse content that is not what its type says, with line and column."""
    require_size(content, at=at)
    try:
        merging.parse_check(merging.FileType(file_type), content)
    except merging.ConfigError as error:
        raise Unparsable(error, at=at, file=file) from error


def require_size(content: str, *, at: str) -> None:
    require_text(content, at=at)
    size = len(content.encode())
    if size > LARGEST_BYTES:
        raise Invalid.at(at, f"The file has {size:,} bytes; {LARGEST_BYTES:,} (1 MiB) are allowed.")


def require_place(facts: ConfigFacts, *, among: Iterable[ConfigFile]) -> None:
    """Refuse a name that is taken, or that is a folder of another file."""
    path = PurePosixPath(facts.name.casefold())
    for other in among:
        taken = PurePosixPath(other.name.casefold())
        if other.name != facts.name and taken == path:
            raise ConfigFileExists(
                f"{facts.name} and {other.name} are one file on Windows. Choose another name, or "
                f"write it {other.name} to make a variant of it."
            )
        if (other.name, other.version_pattern) == (facts.name, facts.version_pattern):
            variant = f" for versions like {other.version_pattern}" if other.version_pattern else ""
            raise ConfigFileExists(f"The application has a file {facts.name}{variant} already.")
        if path in taken.parents or taken in path.parents:
            raise ConfigFileExists(
                f"{facts.name} and {other.name} cannot both exist: one is the other's folder."
            )
        if other.name == facts.name and other.file_type != facts.file_type:
            raise Invalid.at(
                "file_type", f"The other variants of {facts.name} are {other.file_type} files."
            )


def require_overrides_fit(config_file: ConfigFile | None, facts: ConfigFacts) -> None:
    """Refuse a new base that an existing override cannot be merged into any more."""
    if config_file is None:
        return
    for override in config_file.overrides.select_related("project", "environment"):
        try:
            merge(facts, override)
        except merging.ConfigError as error:
            raise Invalid.at(
                "content",
                f"The override of {override.project} in {override.environment} would no longer "
                f"fit this file: {error}",
                "Change or remove that override first.",
            ) from error


def merge(facts: ConfigFacts, override: Override) -> None:
    kind = merging.FileType(facts.file_type)
    merging.merge(kind, facts.content, override.open_content())


def record(config_file: ConfigFile, verb: str, *, by: Actor, **data: object) -> None:
    application = config_file.application
    events.record(
        org=application.org,
        by=by,
        verb=verb,
        subject=Subject("config_file", config_file.uid, config_file.name),
        data={
            "application": application.code,
            "name": config_file.name,
            "file_type": config_file.file_type,
            "bytes": len(config_file.content.encode()),
            **data,
        },
    )
