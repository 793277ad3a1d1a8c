"""What one organization has and another has as well, and a witness of what becomes of theirs.

The ground of one has its counterpart in the other: each name of a thing here is exchanged for the
same of the thing there, and the witness tries what comes of it and undoes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from orgs.models import Organization
from tests.access_ground import PARAMETER, Ground

OURS = ("orgs", "billing", "agents", "projects", "deployments")
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)", re.IGNORECASE)


def things(ground: Ground) -> dict[str, models.Model]:
    place = ground.place
    return {
        "org": ground.org,
        "project": place.project,
        "application": place.application,
        "environment": place.environment,
        "free environment": ground.environment,
        "agent": place.agent,
        "file": ground.config_file,
        "step": ground.step,
        "rule": ground.rule,
        "variable": ground.variable,
        "version": ground.version,
        "deployment": ground.deployment,
        "job": ground.job,
        "invite": ground.invite,
    }


def names(thing: models.Model) -> dict[str, str]:
    """Every way in which a thing may be named."""
    found = {kind: str(getattr(thing, kind, "")) for kind in ("uid", "code", "slug", "pk", "name")}
    return {kind: name for kind, name in found.items() if name}


def counterparts(mine: Ground, theirs: Ground) -> dict[str, list[str]]:
    """For each name of a thing of mine the same of theirs. A number may stand for several."""
    others = things(theirs)
    pairs: dict[str, list[str]] = {}
    for noun, thing in things(mine).items():
        for kind, name in names(thing).items():
            pairs.setdefault(name, []).append(names(others[noun])[kind])
    for name, kept in ((mine.key_uid, theirs.key_uid), (mine.webhook_uid, theirs.webhook_uid)):
        pairs[name] = [kept]
    return pairs


def way_to_org(model: type[models.Model], depth: int = 0) -> str:
    """The path of relations from a row to its organization; empty when there is none."""
    if any(field.name == "org" for field in model._meta.fields):
        return "org"
    for field in model._meta.fields:
        related = field.related_model
        is_up = depth < 4 and isinstance(related, type) and field.name not in {"user", "created_by"}
        if is_up and (way := way_to_org(related, depth + 1)):  # type: ignore[arg-type]  # a model, as asked
            return f"{field.name}__{way}"
    return ""


WAYS = {
    model: way
    for label in OURS
    for model in apps.get_app_config(label).get_models()
    if (way := way_to_org(model))
}


def dump(org: Organization) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that belongs to an organization."""
    rows = {
        model._meta.label: [
            tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row)
            for row in model._default_manager.filter(**{way: org.pk}).order_by("pk").values_list()
        ]
        for model, way in WAYS.items()
    }
    return {**rows, "org": list(Organization.objects.filter(pk=org.pk).values_list())}


class Witness:
    """Tries requests, undoes what they did, and notes what is wrong about any of them."""

    def __init__(self, theirs: Ground) -> None:
        self.theirs = theirs
        self.before = dump(theirs.org)
        labels = {getattr(thing, "name", "") for thing in things(theirs).values()}
        # A file is called the same in both.
        self.telling = {name for name in labels if len(name) > 3} - {"app.env"} | {"Southwind"}
        self.wrong: list[str] = []
        self.tried = 0

    def ask(self, what: str, call: Callable[[], Any], *, sent: str = "") -> int:
        """The status; what was sent itself may be said again, everything else of theirs not."""
        with transaction.atomic():
            with CaptureQueriesContext(connection) as asked:
                response = call()
            if any(WRITES.match(query["sql"]) for query in asked):
                self.compare(what)
            transaction.set_rollback(True)
        self.tried += 1
        text = response.content.decode(errors="replace") if not response.streaming else ""
        told = sorted(name for name in self.telling if name in text and name not in sent)
        if told:
            self.wrong.append(f"{what}: tells {told}")
        status: int = response.status_code
        return status

    def compare(self, what: str) -> None:
        after = dump(self.theirs.org)
        for label in after:
            if after[label] != self.before[label]:
                self.wrong.append(f"{what}: changed their {label}: {after[label]}")

    def expect(self, what: str, status: int, allowed: Any) -> None:
        if status not in allowed:
            self.wrong.append(f"{what}: {status}")


def foreign_addresses(route: str, mine: Ground, theirs: Ground) -> Iterator[str]:
    """The address of mine with one part after the other taken from theirs."""
    parts = list(PARAMETER.finditer(route))
    for exchanged in parts:
        filled = route
        for part in reversed(parts):
            ground = theirs if part is exchanged else mine
            before = route[: part.start()].rstrip("/").rsplit("/", 1)[-1]
            value = ground.value(part[1], after=before)
            filled = filled[: part.start()] + value + filled[part.end() :]
        if filled != mine.address(route):  # a format, for example, is nobody's
            yield filled
