"""The named stages of an organization and their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import transaction

from hydra.errors import Conflict, Detail, Invalid
from hydra.names import require_plain
from orgs.models import Actor, Environment, Organization
from orgs.services import events
from orgs.services.events import Subject
from orgs.services.slugs import free_slug

# Counting what uses an environment stops here: the sentence only needs to be convincing.
COUNTED_AT_MOST = 1_000


class EnvironmentExists(Conflict):
    """A name is used once in an organization, whatever its case."""

    code = "environment_exists"


class EnvironmentInUse(Conflict):
    code = "environment_in_use"


class OrderOutdated(Conflict):
    """Somebody made or deleted one of the things since their order was shown."""

    code = "order_outdated"


class OrderChanged(Conflict):
    """Somebody else put them into another order meanwhile, which this one would undo."""

    code = "order_changed"


@transaction.atomic
def create_environment(org: Organization, *, name: str, by: Actor) -> Environment:
    """A new stage at the end of the order."""
    existing = locked(org)
    name = fresh_name(name, among=existing)
    taken = {environment.slug for environment in existing}
    environment = Environment.objects.create(
        org=org,
        name=name,
        slug=free_slug(name, taken=taken, fallback="environment"),
        position=max((environment.position for environment in existing), default=-1) + 1,
    )
    record(environment, "environment.created", by=by, name=name, slug=environment.slug)
    return environment


@transaction.atomic
def rename_environment(environment: Environment, *, name: str, by: Actor) -> Environment:
    """Change what people call it. The slug stays, because scripts and URLs hold on to it."""
    others = [other for other in locked(environment.org) if other.pk != environment.pk]
    before, name = environment.name, fresh_name(name, among=others)
    if name == before:
        return environment
    environment.name = name
    environment.save(update_fields=["name"])
    record(
        environment,
        "environment.renamed",
        by=by,
        **events.changes({"name": before}, {"name": name}),
    )
    return environment


@transaction.atomic
def save_order(
    org: Organization, *, uids: Sequence[str], was: Sequence[str] | None = None, by: Actor
) -> list[Environment]:
    """Put the environments into the order of `uids`, which must name each of them once.

    `was` is the order that the person saw. If it is given and somebody has changed it since,
    nothing is saved: whoever reads the newer one decides.
    """
    existing = locked(org)
    known = {environment.uid: environment for environment in existing}
    if len(uids) != len(known) or set(uids) != set(known):
        raise OrderOutdated(
            "The environments have changed since this page was opened, so the order was not "
            "saved. Look at the newer list and order it again."
        )
    if was is not None and list(was) != list(known):
        raise OrderChanged(
            "Somebody else has saved another order meanwhile: "
            f"{listed([environment.name for environment in existing])}. Yours was not saved.",
            details=[Detail(location="was", message=f"It is {' '.join(known)} now.")],
        )
    before = [environment.slug for environment in existing]
    ordered = [known[uid] for uid in uids]
    for position, environment in enumerate(ordered):
        environment.position = position
    Environment.objects.bulk_update(ordered, ["position"])
    after = [environment.slug for environment in ordered]
    if after != before:
        events.record(
            org=org,
            by=by,
            verb="environment.reordered",
            subject=Subject("organization", org.uid, org.name),
            data=events.changes({"order": before}, {"order": after}),
        )
    return ordered


@transaction.atomic
def delete_environment(environment: Environment, *, by: Actor) -> None:
    """Delete a stage that nothing refers to any more; its history would else go with it."""
    locked(environment.org)
    uses = list(uses_of(environment))
    if uses:
        raise EnvironmentInUse(f"{environment} cannot be deleted: it is used by {listed(uses)}.")
    record(environment, "environment.deleted", by=by, name=environment.name, slug=environment.slug)
    environment.delete()


def uses_of(environment: Environment) -> Iterator[str]:
    """What points at the environment, from whichever app above: `2 deployments`."""
    for relation in environment._meta.related_objects:  # noqa: SLF001  # Django's public name
        rows = relation.related_model._base_manager.filter(**{relation.field.name: environment})  # noqa: SLF001
        count = rows[:COUNTED_AT_MOST].count()
        if count:
            options = relation.related_model._meta  # noqa: SLF001
            noun = options.verbose_name if count == 1 else options.verbose_name_plural
            yield f"{count} {noun}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def locked(org: Organization) -> list[Environment]:
    """The organization's environments in order; nobody else changes them meanwhile."""
    Organization.objects.select_for_update().only("pk").get(pk=org.pk)
    return list(Environment.objects.in_org(org))


def fresh_name(name: str, *, among: Sequence[Environment]) -> str:
    name = require_plain(name)
    if not name:
        raise Invalid.at("name", "An environment needs a name.")
    if any(other.name.lower() == name.lower() for other in among):
        raise EnvironmentExists(f"An environment named “{name}” exists. Choose another name.")
    return name


def record(environment: Environment, verb: str, *, by: Actor, **data: object) -> None:
    events.record(
        org=environment.org,
        by=by,
        verb=verb,
        subject=Subject("environment", environment.uid, environment.name),
        data=data,
    )
