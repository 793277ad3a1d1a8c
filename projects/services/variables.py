"""Named values of organizations and projects. Always sealed; sensitive ones are never shown."""

from __future__ import annotations

import re

from django.db import transaction
from django.utils import timezone

from hydra.errors import Conflict, Invalid
from orgs.models import Actor, Environment, Organization
from orgs.services import events
from orgs.services.events import Subject
from projects.models import Project, Variable
from projects.services.naming import lock_org, require_text
from projects.services.projects import require_uses

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
KEY_RULE = "A key has letters, digits and underscores, and does not begin with a digit."
# Linux refuses to start a program with a longer one.
LONGEST_VALUE = 100_000
# Shorter ones cannot be struck out of a log without striking out half of it.
SHORTEST_SECRET = 6


class VariableExists(Conflict):
    """Two variables of equal rank would leave open which of them is meant."""

    code = "variable_exists"


@transaction.atomic
def set_variable(  # noqa: PLR0913  # the place has three coordinates
    org: Organization,
    *,
    project: Project | None = None,
    environment: Environment | None = None,
    key: str,
    value: str,
    is_sensitive: bool = False,
    by: Actor,
) -> Variable:
    """Make the variable of this rank, or replace its value."""
    lock_org(org)
    require_sound(key, value, is_sensitive=is_sensitive)
    if project is not None and environment is not None:
        require_uses(project, environment)
    variable = find_variable(org, project=project, environment=environment, key=key)
    is_new = variable is None
    if variable is None:
        variable = Variable(org=org, project=project, environment=environment, key=key)
    before = {"is_sensitive": variable.is_sensitive}
    variable.is_sensitive = is_sensitive
    variable.updated_at = timezone.now()
    variable.seal_value(value)
    variable.save()
    if is_new:
        record(variable, "variable.created", by=by)
    else:
        told = events.changes(before, {"is_sensitive": is_sensitive})
        record(variable, "variable.updated", by=by, is_value_replaced=True, **told)
    return variable


@transaction.atomic
def add_variable(  # noqa: PLR0913  # as set_variable
    org: Organization,
    *,
    project: Project | None = None,
    environment: Environment | None = None,
    key: str,
    value: str,
    is_sensitive: bool = False,
    by: Actor,
) -> Variable:
    """Make a variable. VariableExists where there is one of equal rank, which stays as it is."""
    lock_org(org)
    if find_variable(org, project=project, environment=environment, key=key) is not None:
        where = f"for {environment}" if environment else "for all environments"
        raise VariableExists(
            f"{key} exists already {where}. Replace its value instead.",
            details=[{"location": "key", "message": f"{key} exists already {where}."}],
        )
    return set_variable(
        org,
        project=project,
        environment=environment,
        key=key,
        value=value,
        is_sensitive=is_sensitive,
        by=by,
    )


@transaction.atomic
def delete_variable(variable: Variable, *, by: Actor) -> None:
    record(variable, "variable.deleted", by=by)
    variable.delete()


def find_variable(
    org: Organization, *, project: Project | None, environment: Environment | None, key: str
) -> Variable | None:
    return (
        Variable.objects.in_org(org)
        .filter(project=project, environment=environment, key=key)
        .select_related("project", "environment", "org")
        .first()
    )


def require_sound(key: str, value: str, *, is_sensitive: bool) -> None:
    if not KEY.fullmatch(key):
        raise Invalid.at("key", KEY_RULE, "Write it like DATABASE_URL.")
    if key.upper().startswith("HYDRA_"):
        raise Invalid.at(
            "key", "Names that begin with HYDRA_ are given by Hydra itself.", "Choose another name."
        )
    require_text(value, at="value")
    if len(value.encode()) > LONGEST_VALUE:
        raise Invalid.at(
            "value",
            f"A value has at most {LONGEST_VALUE:,} bytes.",
            "Keep large texts in a config file.",
        )
    if is_sensitive and len(value) < SHORTEST_SECRET:
        raise Invalid.at(
            "value",
            f"A sensitive value needs at least {SHORTEST_SECRET} characters: it is struck out of "
            "every log, and a shorter one would strike out ordinary words as well.",
            "Use a longer secret, or do not mark the value as sensitive.",
        )


def record(variable: Variable, verb: str, *, by: Actor, **data: object) -> None:
    """Which variable, never its value."""
    events.record(
        org=variable.org,
        by=by,
        verb=verb,
        subject=Subject("variable", variable.uid, variable.key),
        data={
            "project": variable.project.code if variable.project else "",
            "environment": variable.environment.slug if variable.environment else "",
            "key": variable.key,
            "is_sensitive": variable.is_sensitive,
            **data,
        },
    )
