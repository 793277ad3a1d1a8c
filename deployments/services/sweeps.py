"""What ends or revives states whose owner went away. Each may run at any time, also twice."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from deployments.models import (
    ACTIVE,
    FINISHED,
    JOB_NOT_STARTED,
    Deployment,
    Evaluation,
    Job,
    JobState,
    State,
    StepRun,
    StepState,
    Target,
    Tick,
)
from deployments.services import announcements, evaluations, jobs, queues, requests
from hydra import hints
from projects.models import Version

BATCH = 100


def lapse_offers() -> int:
    """Offers that nobody began in time are ready again."""
    lapsed = Job.objects.lapsed_offers().values_list("pk", "agent__uid")[:BATCH]
    count = 0
    for pk, agent_uid in list(lapsed):
        again = Job.objects.lapsed_offers().filter(pk=pk)
        count += again.update(state=JobState.READY, offer_until=None)
        hints.wake("agent", agent_uid)
    return count


def lapse_leases() -> int:
    """Jobs whose agent has fallen silent are repeated if that is safe, else unknown.

    If nobody swept for a while, we were away and the agents could not renew: every lease is
    extended once before any is called lost.
    """
    if not take_tick("leases"):
        extend_leases()
        return 0
    lapsed = Job.objects.lapsed_leases().values_list("pk", "deployment__target_id")[:BATCH]
    for pk, target_id in list(lapsed):
        give_up(pk, target_id)
    return len(lapsed)


def extend_leases() -> int:
    """Give every running job a whole lease from now on: who could not be heard was not silent."""
    running = Job.objects.filter(state=JobState.RUNNING)
    return running.update(lease_until=Now() + jobs.lease_duration())


def take_tick(name: str) -> bool:
    """Note that we are here; False when the last time is so long ago that we were away."""
    away = timedelta(
        seconds=max(settings.HYDRA_LEASE_SECONDS / 3, 3 * settings.HYDRA_SWEEP_SECONDS)
    )
    fresh = Tick.objects.filter(name=name, last_at__gt=Now() - away).update(last_at=Now())
    if fresh:
        return True
    Tick.objects.update_or_create(name=name, defaults={"last_at": timezone.now()})
    return False


@transaction.atomic
def give_up(job_pk: int, target_id: int) -> None:
    target = queues.lock(target_id)
    lapsed = Job.objects.lapsed_leases().with_names().select_related("agent")
    job = lapsed.filter(pk=job_pk).first()
    if job is None:
        return
    if jobs.may_be_repeated(job):
        jobs.hand_back(job, reason="The agent was lost; every step is safe to repeat.")
        return
    StepRun.objects.filter(job=job, state=StepState.RUNNING).update(state=StepState.UNKNOWN)
    jobs.close(
        job,
        state=JobState.UNKNOWN,
        reason=f"Lost in {running_step(job)}: nobody can say whether it was carried out.",
    )
    jobs.conclude(target, job.deployment)


def skip_departed() -> int:
    """Jobs that nobody will take, because their agent's key was revoked before it did."""
    waiting = Job.objects.filter(state__in=JOB_NOT_STARTED, agent__revoked_at__isnull=False)
    found = list(waiting.values_list("pk", "deployment__target_id")[:BATCH])
    for pk, target_id in found:
        skip_one(pk, target_id)
    return len(found)


@transaction.atomic
def skip_one(job_pk: int, target_id: int) -> None:
    target = queues.lock(target_id)
    waiting = Job.objects.filter(pk=job_pk, state__in=JOB_NOT_STARTED)
    job = waiting.with_names().select_related("agent").first()
    if job is not None:
        reason = "The agent's key was revoked before it took the job."
        jobs.close(job, state=JobState.SKIPPED, reason=reason)
        jobs.conclude(target, job.deployment)


def running_step(job: Job) -> str:
    last = job.step_runs.order_by("-position").first()
    return f"the step {last.name}" if last is not None else "its first step"


def make_due() -> int:
    """Scheduled deployments whose time has come join their queues."""
    due = list(Deployment.objects.due().values_list("pk", "target_id")[:BATCH])
    for pk, target_id in due:
        queue_up(pk, target_id)
    return len(due)


@transaction.atomic
def queue_up(pk: int, target_id: int) -> None:
    target = queues.lock(target_id)
    deployment = Deployment.objects.due().with_names().select_related("org").filter(pk=pk).first()
    if deployment is None:
        return
    if queues.change_state(deployment, to=State.QUEUED, come_from=[State.SCHEDULED]):
        announcements.announce(deployment, by=requests.deployment_actor(deployment))
        queues.advance(target)


def expire() -> int:
    """Deployments that waited longer than their limit end."""
    overdue = list(Deployment.objects.overdue().values_list("pk", "target_id")[:BATCH])
    for pk, target_id in overdue:
        expire_one(pk, target_id)
    return len(overdue)


@transaction.atomic
def expire_one(pk: int, target_id: int) -> None:
    target = queues.lock(target_id)
    deployment = (
        Deployment.objects.overdue().with_names().select_related("org").filter(pk=pk).first()
    )
    if deployment is None:
        return
    reason = "It waited longer than the queue's limit. " + queues.waiting_sentence(deployment)
    queues.call_off(target, deployment, as_state=State.EXPIRED, reason=reason)


def unstick() -> int:
    """Queues that stand although nobody has the turn, turns of finished ones, and heads without
    jobs: none should be, and none may stay.
    """
    queued_here = Deployment.objects.filter(target=OuterRef("pk"), state=State.QUEUED)
    standing = Target.objects.filter(Exists(queued_here), head=None)
    done = Target.objects.filter(head__state__in=FINISHED)
    idle = Target.objects.filter(head__state=State.QUEUED, head__jobs=None)
    over = Target.objects.filter(
        Exists(Deployment.objects.filter(target=OuterRef("pk"), state__in=ACTIVE)),
    ).exclude(Exists(Job.objects.filter(deployment=OuterRef("head"), finished_at=None)))
    pks = {
        pk
        for found in (standing, done, idle, over)
        for pk in found.values_list("pk", flat=True)[:BATCH]
    }
    for pk in pks:
        unstick_one(pk)
    return len(pks)


@transaction.atomic
def unstick_one(target_id: int) -> None:
    target = queues.lock(target_id)
    head = (
        Deployment.objects.with_names().select_related("org").filter(pk=target.head_id).first()
        if target.head_id
        else None
    )
    if head is None:
        queues.advance(target)
    elif head.is_finished:
        queues.release(target, head)
    elif not head.jobs.exists():
        queues.make_jobs(head, queues.agents_for(head))
    else:
        jobs.conclude(target, head)


def evaluate_versions() -> int:
    """Versions that came without decisions get them."""
    recent = Version.objects.order_by("-pk").values("pk")[:500]
    missed = (
        Version.objects.filter(pk__in=list(recent.values_list("pk", flat=True)))
        .exclude(Exists(Evaluation.objects.filter(version=OuterRef("pk"))))
        .select_related("application__org")
        .order_by("pk")
    )
    found = list(missed)
    for version in found:
        evaluations.evaluate_missed(version)
    return len(found)
