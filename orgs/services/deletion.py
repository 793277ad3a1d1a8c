"""Deleting an organization with everything that belongs to it, in whichever app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import structlog
from django.apps import apps
from django.db import models, transaction

from hydra.errors import Forbidden, Invalid
from orgs.models import Actor, Organization, Role
from orgs.models.rights import Right, permission
from orgs.services import memberships

log = structlog.get_logger(__name__)

# Counting for the page stops here: the number only has to make somebody think.
COUNTED_AT_MOST = 10_000

Hook = Callable[[Organization], None]

# Filled once, at start, by the apps above, which `orgs` must not know.
_questions: list[Hook] = []
_listeners: list[Hook] = []


def ask_before_deletion(question: Hook) -> None:
    """Let an app above refuse, for example while a deployment runs."""
    if question not in _questions:
        _questions.append(question)


def tell_of_deletion(listener: Hook) -> None:
    """Let an app above hear of it in the transaction, while its rows are still there."""
    if listener not in _listeners:
        _listeners.append(listener)


def require_deletable(org: Organization) -> None:
    for question in _questions:
        question(org)


@transaction.atomic
def delete_organization(org: Organization, *, typed: str, by: Actor, user_pk: int) -> None:
    """Delete the organization and all that is its own. What remains of it is a line in the log.

    Rows are deleted where they are, children first, and never loaded: there may be millions.
    References among them are checked when the transaction ends, so no order of siblings matters.
    """
    org = memberships.lock(org)
    if memberships.acting_member(org, user_pk=user_pk).role != Role.OWNER:
        raise Forbidden(permission(Right.ORGANIZATION_DELETE))
    if typed.strip() != org.name:
        raise Invalid.at("name", f"Type the name of the organization, {org.name}, to delete it.")
    require_deletable(org)
    for listener in _listeners:
        listener(org)
    for model, path in owned_models():
        rows = model._base_manager.filter(**{path: org.pk})  # noqa: SLF001  # Django's public name
        rows._raw_delete(rows.db)  # noqa: SLF001  # `delete` would load them all
    say = partial(log.warning, "organization deleted", org=org.uid, slug=org.slug, name=org.name)
    transaction.on_commit(partial(say, by=by.label, actor=by.uid, address=by.address))
    org.delete()


def contents_of(org: Organization) -> Iterator[tuple[int, str]]:
    """How much of each thing goes with the organization: `(3, "projects")`."""
    for relation in org._meta.related_objects:  # noqa: SLF001  # Django's public name
        if relation.one_to_many and relation.field.remote_field.on_delete is models.CASCADE:
            rows = relation.related_model._base_manager.filter(**{relation.field.name: org})  # noqa: SLF001
            options = relation.related_model._meta  # noqa: SLF001
            count = rows.order_by()[:COUNTED_AT_MOST].count()
            if count:
                noun = options.verbose_name if count == 1 else options.verbose_name_plural
                yield count, str(noun)


@cache
def owned_models() -> tuple[tuple[type[models.Model], str], ...]:
    """Every model whose rows belong to an organization, with the path to it, deepest first."""
    everything = apps.get_models(include_auto_created=True)
    paths: dict[type[models.Model], str] = {Organization: "pk"}
    while fresh := {
        model: path
        for model in everything
        if model not in paths and (path := path_to_org(model, paths))
    }:
        paths |= fresh
    del paths[Organization]
    return tuple(sorted(paths.items(), key=lambda item: -item[1].count("__")))


def path_to_org(model: type[models.Model], paths: dict[type[models.Model], str]) -> str:
    """The fields that lead to the organization of a row of `model` by way of a known model."""
    for field in model._meta.concrete_fields:  # noqa: SLF001  # Django's public name
        remote = field.remote_field
        if remote is None or remote.on_delete is not models.CASCADE or remote.model not in paths:
            continue
        return f"{field.name}__{paths[remote.model]}"
    return ""
