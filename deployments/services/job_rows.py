"""What is asked of jobs and changed in them at every step of their lives, in kept statements.

What the answers mean, and which change may follow which, is decided in `jobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from deployments.models import Job, JobQuerySet, JobState
from hydra.compiled import Change, compiled, compiled_update


@compiled
def takeable(
    *, agent_id: int, session: UUID, holding: Sequence[str]
) -> QuerySet[Job, tuple[int, str]]:
    """(key, state) of what may be offered to an agent, oldest first."""
    standing = Q(state=JobState.OFFERED, session=session, offer_until__gt=Now())
    rows = Job.objects.filter(Q(state=JobState.READY) | standing, agent_id=agent_id)
    return rows.exclude(uid__in=holding).order_by("pk").values_list("pk", "state")[:20]


@compiled_update
def offered(*, pk: int, session: UUID, lasts: timedelta) -> Change:
    return Job.objects.filter(pk=pk, state=JobState.READY), {
        "state": JobState.OFFERED,
        "session": session,
        "fence": F("fence") + 1,
        "offer_until": Now() + lasts,
    }


@compiled
def jobs_with_content(*, pk: int) -> JobQuerySet:
    """A job with all that its wire message tells, in one query."""
    return Job.objects.filter(pk=pk).select_related(
        "deployment__snapshot",
        "deployment__project",
        "deployment__application",
        "deployment__environment",
        "deployment__version",
    )


@compiled_update
def begun(*, pk: int, fence: int, now: datetime, lease: timedelta) -> Change:
    return Job.objects.filter(pk=pk, fence=fence, state=JobState.OFFERED), {
        "state": JobState.RUNNING,
        "reason": "",
        "started_at": now,
        "lease_until": Now() + lease,
        "offer_until": None,
    }


@compiled
def jobs_with_names(*, uid: str) -> JobQuerySet:
    """A job with all that is told of its deployment."""
    return Job.objects.filter(uid=uid).with_names()


@compiled
def jobs_with_plans(*, uid: str, agent_id: int) -> JobQuerySet:
    """An agent's job with the names of its steps."""
    rows = Job.objects.filter(uid=uid, agent_id=agent_id).order_by()
    whole = rows.select_related("deployment__snapshot")
    return whole.defer("deployment__snapshot__content_sealed")


@compiled_update
def renewed(*, pk: int, fence: int, lease: timedelta) -> Change:
    rows = Job.objects.filter(pk=pk, fence=fence, state=JobState.RUNNING)
    return rows, {"lease_until": Now() + lease}


@compiled_update
def taken_back(*, pk: int, fence: int, session: UUID, lease: timedelta) -> Change:
    """What had been given up to be repeated, and nobody was offered since, runs on."""
    rows = Job.objects.filter(pk=pk, fence=fence, state=JobState.READY, started_at__isnull=False)
    changes = {"state": JobState.RUNNING, "reason": "", "session": session}
    return rows, {**changes, "lease_until": Now() + lease}


@compiled
def jobs_of(*, deployment_id: int) -> JobQuerySet:
    return Job.objects.filter(deployment_id=deployment_id).select_related("agent")


@compiled_update
def ended(*, pk: int, state: str, reason: str, now: datetime) -> Change:
    return Job.objects.filter(pk=pk), {
        "state": state,
        "reason": reason,
        "finished_at": now,
        "lease_until": None,
        "offer_until": None,
    }
