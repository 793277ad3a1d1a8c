"""Agents and their jobs: offered under a fence, begun under a lease, ended once.

Nothing here trusts that a message arrives once. Who speaks for a job names its fence, and every
change is a conditional update that a repetition or a late word does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import Agent
from agents.protocol import Action, HeldJob, JobAction, StepReport
from deployments.models import (
    JOB_FINISHED,
    Deployment,
    Job,
    JobState,
    LogChunk,
    State,
    StepRun,
    StepState,
    Target,
)
from deployments.services import announcements, job_rows, queues
from hydra import hints
from hydra.compiled import compiled
from hydra.errors import Refused
from orgs.models import SYSTEM, Actor, ActorKind

# What takes its agent down each time must not be repeated for ever.
MOST_FENCES = 5


class Fenced(Refused):
    """The job is no longer the caller's; it kills what it runs and keeps its log."""

    code = "fenced"


@dataclass(frozen=True)
class Ending:
    """How a job ended, in its agent's words."""

    outcome: str
    reason: str
    steps: Sequence[StepReport]


def lease_duration() -> timedelta:
    return timedelta(seconds=settings.HYDRA_LEASE_SECONDS)


def actor_of(agent: Agent) -> Actor:
    return Actor(ActorKind.AGENT, agent.uid, agent.name)


# --- Taking ------------------------------------------------------------------------------------


def claim_next(agent: Agent, *, session: str, holding: Sequence[str] = ()) -> Job | None:
    """Offer `agent` its oldest ready job, or the offer it has already; None without one.

    An offer whose answer was lost is made again, the same, as long as it lasts. Of many polls
    at once one gets the job, because taking it is a conditional update. What the agent says
    it is `holding` is not offered to it again.
    """
    if agent.is_draining:
        return None
    for pk, state in job_rows.takeable(agent_id=agent.pk, session=UUID(session), holding=holding):
        if state == JobState.OFFERED or offer(pk, session=session):
            return job_rows.jobs_with_content.first(pk=pk)
    return None


def held_by(agent: Agent, *, tickets: Sequence[HeldJob]) -> list[JobAction]:
    """What an agent that has started anew shall do with each ticket that it found on its disk.

    What was only accepted may still be begun, under the new session; of what ran or ended it
    tells what it knows; what is no longer its business it drops.
    """
    rows = {
        uid: (pk, fence, state)
        for pk, uid, fence, state in Job.objects.filter(
            agent=agent, uid__in=[ticket["id"] for ticket in tickets]
        ).values_list("pk", "uid", "fence", "state")
    }
    return [answer_ticket(ticket, rows.get(ticket["id"]), agent=agent) for ticket in tickets]


def answer_ticket(ticket: HeldJob, row: tuple[int, int, str] | None, *, agent: Agent) -> JobAction:
    action: Action = "drop"
    if row is not None and row[1] == ticket["fence"]:
        pk, _, state = row
        if ticket["state"] == "accepted" and state in (JobState.OFFERED, JobState.RUNNING):
            Job.objects.filter(pk=pk, fence=ticket["fence"]).update(
                session=agent.session,
                offer_until=Now() + timedelta(seconds=settings.HYDRA_OFFER_SECONDS),
            )
            action = "continue"
        elif state in (JobState.OFFERED, JobState.RUNNING, JobState.UNKNOWN) or (
            ticket["state"] in ("running", "finished") and take_back(pk, ticket["fence"], agent)
        ):
            action = "report"
    return JobAction(id=ticket["id"], fence=ticket["fence"], action=action)


def offer(pk: int, *, session: str) -> bool:
    lasts = timedelta(seconds=settings.HYDRA_OFFER_SECONDS)
    return bool(job_rows.offered(pk=pk, session=UUID(session), lasts=lasts))


@transaction.atomic
def start(agent: Agent, *, job_uid: str, fence: int) -> None:
    """Let the agent run what it was offered; again for one that has begun under this fence."""
    _, job = find_locked(agent, job_uid=job_uid, fence=fence)
    if job.deployment.org.is_suspended and job.state == JobState.OFFERED:
        raise Fenced(f"{job.deployment.org} is suspended: the job waits until that has ended.")
    if not job_rows.begun(pk=job.pk, fence=fence, now=timezone.now(), lease=lease_duration()):
        if job.state == JobState.RUNNING:
            return
        raise Fenced(f"The job is {job.get_state_display().lower()}.")
    if job.started_at is not None:
        forget_earlier_run(job)
    deployment = job.deployment
    if queues.change_state(deployment, to=State.RUNNING, come_from=[State.QUEUED]):
        announcements.announce(deployment, by=actor_of(agent))
    else:
        announcements.wake_watchers(deployment)


def forget_earlier_run(job: Job) -> None:
    """What an agent that is lost told of this job stands in the way of what is told now: bytes of
    two runs would be one log.
    """
    LogChunk.objects.filter(job=job).delete()
    StepRun.objects.filter(job=job).delete()
    Job.objects.filter(pk=job.pk).update(log_size=0)


def find_locked(agent: Agent, *, job_uid: str, fence: int) -> tuple[Target, Job]:
    """The agent's job under this fence, read again once its target is locked."""
    target = queues.locked_target_of_job.first(uid=job_uid, agent_id=agent.pk)
    if target is None:
        raise Fenced("There is no such job for this agent.")
    job = job_rows.jobs_with_names.first(uid=job_uid)
    if job is None or job.fence != fence:
        raise Fenced("The job was offered anew: this fence is old.")
    return target, job


# --- While it runs -----------------------------------------------------------------------------


def report(agent: Agent, *, job_uid: str, fence: int, steps: Sequence[StepReport]) -> bool:
    """Note how steps go and renew the lease; True when the job is to be canceled."""
    job = job_rows.jobs_with_plans.first(uid=job_uid, agent_id=agent.pk)
    if job is None or job.fence != fence:
        raise Fenced("The job is no longer this agent's.")
    # Given up as unknown it gets no lease again, but its agent was only away and still runs it.
    if not renew(job.pk, fence) and not keeps(job, agent):
        raise Fenced("The job is no longer this agent's.")
    note_steps(job, steps)
    announcements.wake_watchers(job.deployment)
    return job.deployment.cancel_requested_at is not None


def keeps(job: Job, agent: Agent) -> bool:
    """Whether the agent still has a job that was given up while it could not be heard.

    Unknown it stays, and is told of late. What was to be repeated it takes back, unless it was
    offered since.
    """
    if job.state == JobState.READY and job.session == agent.session:
        return take_back(job.pk, job.fence, agent)
    return job.state == JobState.UNKNOWN


def take_back(pk: int, fence: int, agent: Agent) -> bool:
    session, lease = agent.session, lease_duration()
    if session is None:
        return False
    return bool(job_rows.taken_back(pk=pk, fence=fence, session=session, lease=lease))


def renew(pk: int, fence: int) -> bool:
    return bool(job_rows.renewed(pk=pk, fence=fence, lease=lease_duration()))


def note_steps(job: Job, steps: Sequence[StepReport]) -> None:
    """Write how steps stand, over what was said of them before."""
    if not steps:
        return
    planned = job.deployment.snapshot.summary.get("steps", [])
    names = {step["position"]: step["name"] for step in planned}
    rows = [
        StepRun(
            job=job,
            position=step["position"],
            name=names.get(step["position"], "")[:100],
            state=step["state"],
            attempt=step.get("attempt", 1),
            exit_code=step.get("exit_code"),
            started_after_ms=step.get("started_after_ms"),
            duration_ms=step.get("duration_ms"),
            log_from=step.get("log_from"),
            log_to=step.get("log_to"),
            reason=step.get("reason", "")[:500],
        )
        for step in steps
    ]
    StepRun.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["job", "position"],
        update_fields=[
            "state",
            "attempt",
            "exit_code",
            "started_after_ms",
            "duration_ms",
            "log_from",
            "log_to",
            "reason",
        ],
    )


@dataclass(frozen=True)
class Held:
    """What the server says of a job that an agent says it has."""

    uid: str
    is_fenced: bool
    is_canceled: bool = False


def renew_all(agent: Agent, *, held: Sequence[tuple[str, int]]) -> list[Held]:
    """A heartbeat: renew every job that is still the agent's, and say which are not.

    One that was given up as unknown is its agent's all the same: being away kills nothing, and
    how it ends will be told late.
    """
    if not held:
        return []
    fences = dict(held)
    given_up = Job.objects.filter(
        agent=agent, uid__in=fences, state=JobState.READY, session=agent.session
    )
    for pk, uid, fence in given_up.values_list("pk", "uid", "fence"):
        if fences[uid] == fence:
            take_back(pk, fence, agent)
    theirs = Job.objects.filter(
        agent=agent, uid__in=fences, state__in=[JobState.RUNNING, JobState.UNKNOWN]
    )
    rows = theirs.values_list("pk", "uid", "fence", "deployment__cancel_requested_at")
    kept = {uid: (pk, canceled) for pk, uid, fence, canceled in rows if fences[uid] == fence}
    pks = [pk for pk, _ in kept.values()]
    Job.objects.filter(pk__in=pks, state=JobState.RUNNING).update(
        lease_until=Now() + lease_duration()
    )
    return [
        Held(uid, is_fenced=uid not in kept, is_canceled=uid in kept and kept[uid][1] is not None)
        for uid in fences
    ]


@compiled
def canceled_jobs(*, agent_ids: Sequence[int]) -> QuerySet[Job, tuple[int, str]]:
    """(agent, job uid) of what runs and shall not: what parked polls are told."""
    rows = Job.objects.filter(
        agent__in=agent_ids, state=JobState.RUNNING, deployment__state=State.CANCELING
    )
    return rows.values_list("agent_id", "uid")


# --- The end -----------------------------------------------------------------------------------


@transaction.atomic
def finish(agent: Agent, *, job_uid: str, fence: int, ending: Ending) -> None:
    """End a job as its agent says. The first end stands; the same again is accepted.

    What an agent can say only after the job was given up as unknown is noted as late, and
    tells what became of the deployment, whose state stays what it was.
    """
    target, job = find_locked(agent, job_uid=job_uid, fence=fence)
    if job.state in JOB_FINISHED:
        if job.state != JobState.UNKNOWN:
            return
        note_late(job, ending)
        return
    if job.state not in (JobState.RUNNING, JobState.OFFERED) and not keeps(job, agent):
        raise Fenced(f"The job is {job.get_state_display().lower()}.")
    if ending.outcome == JobState.UNKNOWN and may_be_repeated(job):
        hand_back(job, reason=ending.reason)
        return
    note_steps(job, ending.steps)
    close(job, state=ending.outcome, reason=ending.reason)
    conclude(target, job.deployment, by=actor_of(agent))


def may_be_repeated(job: Job) -> bool:
    """Whether all that the job can have begun may be done again.

    What was reported is not all: reports come later than steps begin, or not at all. So every
    step has to be safe.
    """
    steps = job.deployment.snapshot.summary.get("steps", [])
    is_wanted = job.deployment.state == State.RUNNING and job.fence < MOST_FENCES
    return is_wanted and all(step.get("safe_to_repeat", False) for step in steps)


def hand_back(job: Job, *, reason: str) -> None:
    """Make a job ready to be taken once more, whose agent is lost or has lost it."""
    StepRun.objects.filter(job=job, state=StepState.RUNNING).update(state=StepState.UNKNOWN)
    job.state, job.lease_until, job.reason = JobState.READY, None, reason[:500]
    job.save(update_fields=["state", "lease_until", "reason"])
    hints.wake_on_commit("agent", job.agent.uid)
    announcements.wake_watchers(job.deployment)


def note_late(job: Job, ending: Ending) -> None:
    if job.late_outcome or ending.outcome == JobState.UNKNOWN:
        return
    note_steps(job, ending.steps)
    Job.objects.filter(pk=job.pk, late_outcome="").update(late_outcome=ending.outcome)
    deployment = job.deployment
    others = deployment.jobs.exclude(pk=job.pk)
    if deployment.resolution or others.exclude(state=JobState.SUCCEEDED).exists():
        return
    if ending.outcome in (JobState.SUCCEEDED, JobState.FAILED):
        resolve(deployment, as_state=ending.outcome, by=actor_of(job.agent))


def resolve(deployment: Deployment, *, as_state: str, by: Actor) -> None:
    """Say what an unknown deployment was. Its target must be locked."""
    rows = Deployment.objects.filter(pk=deployment.pk, state=State.UNKNOWN, resolution="")
    if not rows.update(resolution=as_state, resolved_by_label=by.label[:200]):
        return
    deployment.resolution = as_state
    if as_state == State.SUCCEEDED:
        newer = Q(current__isnull=True) | Q(current__lt=deployment.pk)
        Target.objects.filter(newer, pk=deployment.target_id).update(current=deployment)
    announcements.announce(deployment, by=by, verb="deployment.resolved")


def close(job: Job, *, state: str, reason: str) -> None:
    job.state = state
    job.reason = reason[:500]
    job.finished_at = timezone.now()
    job.lease_until = job.offer_until = None
    job_rows.ended(pk=job.pk, state=job.state, reason=job.reason, now=job.finished_at)


def conclude(target: Target, deployment: Deployment, *, by: Actor = SYSTEM) -> None:
    """End the deployment if all of its jobs have ended. Its target must be locked."""
    jobs = job_rows.jobs_of(deployment_id=deployment.pk)
    if any(job.state not in JOB_FINISHED for job in jobs):
        announcements.wake_watchers(deployment)
        return
    state, reason = sum_up(jobs)
    if state == State.CANCELED and deployment.state == State.CANCELING:
        reason = deployment.reason  # who asked for it; the agents only confirm
    queues.end(target, deployment, as_state=state, reason=reason, by=by)


def sum_up(jobs: Sequence[Job]) -> tuple[str, str]:
    """The state of a whole deployment and its sentence: the worst that happened anywhere."""
    for job_state, state in (
        (JobState.UNKNOWN, State.UNKNOWN),
        (JobState.FAILED, State.FAILED),
        (JobState.CANCELED, State.CANCELED),
        (JobState.SKIPPED, State.CANCELED),
    ):
        worst = [job for job in jobs if job.state == job_state]
        if worst:
            sentences = [f"{job.agent.name}: {job.reason}" for job in worst if job.reason]
            return state, " ".join(sentences)
    return State.SUCCEEDED, ""
