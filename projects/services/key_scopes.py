"""What keys may be limited to among projects and applications; `orgs` asks, and knows neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from orgs.models import Organization
from orgs.services.scopes import Choice
from projects.models import Application, Project


def projects_of(orgs: Sequence[Organization], *, uids: Iterable[str] | None = None) -> list[Choice]:
    return choices(Project.objects.filter(org__in=orgs), uids)


def applications_of(
    orgs: Sequence[Organization], *, uids: Iterable[str] | None = None
) -> list[Choice]:
    return choices(Application.objects.filter(org__in=orgs), uids)


def choices(
    rows: QuerySet[Project] | QuerySet[Application], uids: Iterable[str] | None
) -> list[Choice]:
    if uids is not None:
        rows = rows.filter(uid__in=set(uids))
    return [Choice(uid, name) for uid, name in rows.order_by("name").values_list("uid", "name")]
