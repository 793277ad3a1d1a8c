"""Creating versions. Which rules they set off is decided in `deployments.services.versions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from hydra import inserts
from hydra.errors import Invalid
from orgs.models import Actor
from orgs.services import events
from projects import matching
from projects.models import Application, Version

NAME_RULE = (
    "A version's name has 1 to 128 letters, digits and the characters . _ - + / @ # = , ! % ~. "
    "It begins with neither - nor ~, and no part of it between slashes is empty, . or .."
)


@dataclass(frozen=True)
class VersionFacts:
    """What a pipeline says of a version."""

    name: str
    commit: str = ""
    message: str = ""
    author: str = ""
    author_avatar_url: str = ""
    committed_at: datetime | None = None
    image: str = ""
    tags: tuple[str, ...] = field(default=())
    notes: str = ""


@dataclass(frozen=True)
class Receipt:
    """The version, and whether this call made it."""

    version: Version
    is_new: bool


class AlreadyThere(Exception):
    """The name is taken; the transaction that tried has been undone."""


def create_version(
    application: Application, *, facts: VersionFacts, by: Actor, is_push: bool = False
) -> Receipt:
    """Store a version once, however often and at how many places at once it is created.

    A name that moves, such as a branch, makes a new build each time, unless the commit is one
    that was built already. With `is_push` the name moves, whatever it is, where the commit or the
    image says what is pushed. To be called in a transaction; AlreadyThere leaves it unusable.
    """
    require_name(facts.name, at="version")
    is_push = is_push and bool(facts.commit or facts.image)
    build = 1
    if is_push or matching.is_moving(facts.name, application.moving_names):
        known, build = next_build(application, facts, is_push=is_push)
        if known is not None:
            return Receipt(known, is_new=False)
    version = compose(application, facts=facts, build=build, by=by)
    try:
        inserts.insert(version)
    except IntegrityError as error:
        raise AlreadyThere(facts.name) from error
    return Receipt(version, is_new=True)


def require_name(name: str, *, at: str) -> None:
    if not matching.is_version_name(name):
        raise Invalid.at(at, NAME_RULE, "Name it like v1.2.3, main or 4f2a9c1.")


def next_build(
    application: Application, facts: VersionFacts, *, is_push: bool
) -> tuple[Version | None, int]:
    """The build that `facts` repeat, if any, and the number of the next one.

    A push repeats the newest build or none: what was pushed back to an older commit is news. The
    application's row is locked, so that two builds at once get two numbers.
    """
    Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    builds = Version.objects.filter(application=application, name=facts.name).order_by("-build")
    newest = builds.first()
    if is_push:
        known = newest if newest is not None and is_said_of(newest, facts) else None
    else:
        known = builds.filter(commit=facts.commit).first() if facts.commit else None
    return known, (newest.build if newest is not None else 0) + 1


def is_said_of(version: Version, facts: VersionFacts) -> bool:
    """Whether the version has the commit and the image of `facts`, as far as they name any."""
    return facts.commit in ("", version.commit) and facts.image in ("", version.image)


def compose(application: Application, *, facts: VersionFacts, build: int, by: Actor) -> Version:
    return Version(
        org_id=application.org_id,
        application=application,
        name=facts.name,
        build=build,
        tags=list(facts.tags),
        commit=facts.commit,
        message=facts.message,
        author=facts.author,
        author_avatar_url=facts.author_avatar_url,
        committed_at=facts.committed_at,
        image=facts.image,
        notes=facts.notes,
        created_by_kind=by.kind,
        created_by_label=by.label[:200],
        created_at=timezone.now(),
    )


def find_version(application: Application, *, name: str) -> Version | None:
    """The newest build of a name."""
    return Version.objects.filter(application=application, name=name).order_by("-build").first()


@transaction.atomic
def block_version(version: Version, *, reason: str, by: Actor) -> Version:
    """Keep a version from being deployed anywhere, and say why; an empty reason lifts it."""
    before = {"blocked_reason": version.blocked_reason}
    version.blocked_reason = reason.strip()[:500]
    version.save(update_fields=["blocked_reason"])
    verb = "version.blocked" if version.blocked_reason else "version.unblocked"
    events.record(
        org=version.org,
        by=by,
        verb=verb,
        subject=events.Subject("version", version.uid, str(version)),
        data={
            "reason": version.blocked_reason,
            **events.changes(before, {"blocked_reason": version.blocked_reason}),
        },
    )
    return version
