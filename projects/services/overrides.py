"""What projects change in config files. Always sealed; checked against the base when saved."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hydra.errors import Conflict, Detail
from orgs.models import Actor, Environment
from orgs.services import events
from orgs.services.events import Subject
from projects import merging
from projects.models import ConfigFile, Override, Project, Strategy
from projects.services.configs import Unparsable, require_size
from projects.services.projects import lock, require_contains, require_uses
from projects.services.rules import require_pattern


class OverrideExists(Conflict):
    """What was to be a new variant would take the place of another."""

    code = "override_exists"


@transaction.atomic
def save_override(  # noqa: PLR0913  # the place has three coordinates
    project: Project,
    *,
    config_file: ConfigFile,
    environment: Environment,
    text: str,
    is_sensitive: bool = False,
    version_pattern: str = "",
    is_new: bool = False,
    by: Actor,
) -> Override:
    """Make or replace what the project changes there, once it merges with the base file.

    Each `version_pattern` has an override of its own; the empty one is for all other versions.
    One that `is_new` replaces none, be it made by somebody else at this moment.
    """
    project = lock(project)
    require_contains(project, config_file.application)
    require_uses(project, environment)
    if version_pattern:
        require_pattern(Strategy.REGEX, version_pattern, at="version_pattern")
    require_merges(config_file, text, at="text")
    rows = variants_of(project, config_file=config_file, environment=environment)
    override = rows.filter(version_pattern=version_pattern).first()
    if is_new:
        require_free(override)
    before = {} if override is None else {"is_sensitive": override.is_sensitive}
    if override is None:
        override = Override(
            org=project.org,
            project=project,
            config_file=config_file,
            environment=environment,
            version_pattern=version_pattern,
        )
    override.is_sensitive = is_sensitive
    override.updated_by_label = by.label[:200]
    override.updated_at = timezone.now()
    override.seal_content(text)
    override.save()
    record(
        override, "override.saved", by=by, **events.changes(before, {"is_sensitive": is_sensitive})
    )
    return override


def require_free(taken: Override | None) -> None:
    if taken is not None:
        message = "These versions have an override here already: change that."
        detail = Detail(location="version_pattern", message=message)
        raise OverrideExists(message, details=[detail])


@transaction.atomic
def delete_override(override: Override, *, by: Actor) -> None:
    """Let the base file apply there again."""
    lock(override.project)
    record(override, "override.deleted", by=by)
    override.delete()


def variants_of(
    project: Project, *, config_file: ConfigFile, environment: Environment
) -> QuerySet[Override]:
    """The override of each version pattern, in the order in which they are tried."""
    return project.overrides.filter(config_file=config_file, environment=environment)


def require_merges(config_file: ConfigFile, text: str, *, at: str) -> None:
    preview(config_file, text, at=at)


def preview(config_file: ConfigFile, text: str, *, at: str = "text") -> merging.Merged:
    """The file as the environment would get it, with `#{NAME}` as it stands. Unparsable if not."""
    require_size(text, at=at)
    kind = merging.FileType(config_file.file_type)
    try:
        return merging.merge(kind, config_file.content, text)
    except merging.ConfigError as error:
        raise Unparsable(error, at=at, file=f"The override of {config_file.name}") from error


def record(override: Override, verb: str, *, by: Actor, **data: object) -> None:
    """What changed where; the content is not told."""
    events.record(
        org=override.project.org,
        by=by,
        verb=verb,
        subject=Subject("override", override.uid, override.config_file.name),
        data={
            "project": override.project.code,
            "application": override.config_file.application.code,
            "environment": override.environment.slug,
            "file": override.config_file.name,
            "is_sensitive": override.is_sensitive,
            "version_pattern": override.version_pattern,
            **data,
        },
    )
