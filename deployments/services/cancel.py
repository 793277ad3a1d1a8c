"""Stopping a deployment."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from deployments.models import (
    JOB_NOT_STARTED,
    WAITING,
    Deployment,
    Job,
    JobState,
    State,
)
from deployments.services import announcements, jobs, queues
from hydra import hints
from hydra.errors import Conflict
from orgs.models import Actor


class AlreadyFinished(Conflict):
    """What has ended cannot be stopped."""

    code = "already_finished"


@transaction.atomic
def cancel(deployment: Deployment, *, by: Actor) -> Deployment:
    """Cancel what waits at once, and ask the agents to stop what runs.

    A running deployment is canceled only when its agents have confirmed that nothing runs any
    more. Asking twice is asking once.
    """
    target = queues.lock(deployment.target_id)
    deployment = Deployment.objects.with_names().select_related("org").get(pk=deployment.pk)
    reason = f"Canceled by {by}."
    if deployment.state == State.CANCELING:
        return deployment
    if deployment.is_finished:
        raise AlreadyFinished(
            f"{deployment} has already ended: {deployment.get_state_display().lower()}."
        )
    if deployment.state in WAITING:
        queues.call_off(target, deployment, as_state=State.CANCELED, reason=reason, by=by)
        return deployment
    queues.change_state(deployment, to=State.CANCELING, reason=reason, come_from=[State.RUNNING])
    now = timezone.now()
    Deployment.objects.filter(pk=deployment.pk).update(cancel_requested_at=now)
    Job.objects.filter(deployment=deployment, state__in=JOB_NOT_STARTED).update(
        state=JobState.CANCELED, finished_at=now, reason=reason[:500]
    )
    announcements.announce(deployment, by=by)
    tell_agents(deployment)
    jobs.conclude(target, deployment, by=by)
    return deployment


def tell_agents(deployment: Deployment) -> None:
    for uid in deployment.jobs.filter(state=JobState.RUNNING).values_list("agent__uid", flat=True):
        hints.wake_on_commit("agent", uid)
