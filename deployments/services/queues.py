"""The queue of each target: who may run now, and what happens when it is done.

Every change of more than one row starts by locking the target. That is the one order of locks,
so that two changes at once wait for each other and never block each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from django.db.models import F
from django.utils import timezone

from agents.models import Agent, AgentQuerySet
from deployments.models import (
    FINISHED,
    JOB_NOT_STARTED,
    Deployment,
    DeploymentQuerySet,
    Job,
    JobState,
    State,
    Target,
    TargetQuerySet,
)
from deployments.services import announcements
from hydra import hints, inserts
from hydra.compiled import Change, compiled, compiled_update
from orgs.models import SYSTEM, Actor, Environment
from projects.models import Project, ProjectAgent


def lock(target_id: int) -> Target:
    target = locked_target.first(target_id=target_id)
    if target is None:
        raise Target.DoesNotExist
    return target


@compiled
def locked_target(*, target_id: int) -> TargetQuerySet:
    return Target.objects.select_for_update(no_key=True).filter(pk=target_id)


@compiled
def locked_target_of_job(*, uid: str, agent_id: int) -> TargetQuerySet:
    targets = Target.objects.select_for_update(no_key=True, of=("self",))
    return targets.filter(deployments__jobs__uid=uid, deployments__jobs__agent_id=agent_id)


@compiled
def locked_cell(*, project_id: int, application_id: int, environment_id: int) -> TargetQuerySet:
    return Target.objects.select_for_update(no_key=True).filter(
        project_id=project_id, application_id=application_id, environment_id=environment_id
    )


@compiled
def deployments_with_versions(*, pk: int) -> DeploymentQuerySet:
    return Deployment.objects.filter(pk=pk).select_related("version")


def change_state(
    deployment: Deployment, *, to: str, reason: str = "", come_from: Iterable[str]
) -> bool:
    """Move a deployment on, if it still is where it is thought to be; False when it is not.

    The deployment in memory is brought along, so that it can be announced.
    """
    stamp = "finished_at" if to in FINISHED else STAMPS.get(to)
    changes: dict[str, object] = {"state": to, "reason": reason[:500]}
    if stamp is None:
        rows = Deployment.objects.filter(pk=deployment.pk, state__in=list(come_from))
        is_moved = rows.update(sequence=F("sequence") + 1, **changes)
    else:
        now = changes[stamp] = timezone.now()
        is_moved = MOVES[stamp](
            pk=deployment.pk, come_from=list(come_from), to=to, reason=reason[:500], now=now
        )
    if not is_moved:
        return False
    for name, value in changes.items():
        setattr(deployment, name, value)
    deployment.sequence += 1
    return True


# When a deployment has come into a state, where that is kept; its end stands in `finished_at`.
STAMPS: dict[str, str] = {State.QUEUED: "queued_at", State.RUNNING: "started_at"}


def move_stamped(stamp: str) -> Move:
    """The change of state that also says when."""

    @compiled_update
    def move(*, pk: int, come_from: Sequence[str], to: str, reason: str, now: datetime) -> Change:
        rows = Deployment.objects.filter(pk=pk, state__in=come_from)
        return rows, {"sequence": F("sequence") + 1, "state": to, "reason": reason, stamp: now}

    return move


class Move(Protocol):
    def __call__(
        self, *, pk: int, come_from: Sequence[str], to: str, reason: str, now: datetime
    ) -> int: ...


MOVES: dict[str, Move] = {stamp: move_stamped(stamp) for stamp in (*STAMPS.values(), "finished_at")}


def advance(target: Target) -> Deployment | None:
    """Let the first in the target's queue have its turn, unless another has it.

    To be called with the target locked.
    """
    if target.head_id is not None:
        return None
    first = next_in_queue.first(target_id=target.pk)
    if first is None:
        return None
    give_turn(target, first)
    return first


@compiled
def next_in_queue(*, target_id: int) -> DeploymentQuerySet:
    queue = Deployment.objects.queue_of(target_id).with_names()
    whole = queue.select_related("org", "snapshot").defer("snapshot__content_sealed")
    return whole[:1]


def give_turn(target: Target, deployment: Deployment) -> None:
    """Make `deployment` the head of its locked target and its jobs ready to be taken."""
    target.head = deployment
    keep(target)
    make_jobs(deployment, agents_for(deployment))


def make_jobs(deployment: Deployment, agents: Collection[Agent]) -> None:
    """One ready job per agent. Without any agent the deployment waits; a sweep comes back."""
    jobs = [
        Job(org_id=deployment.org_id, deployment=deployment, agent=agent, state=JobState.READY)
        for agent in agents
    ]
    if len(jobs) == 1:
        inserts.insert(jobs[0])
    else:
        Job.objects.bulk_create(jobs, ignore_conflicts=True)
    for agent in agents:
        hints.wake_on_commit("agent", agent.uid)


def agents_for(deployment: Deployment) -> list[Agent]:
    """The agents that the snapshot names and that still are there; else those linked by now."""
    frozen = deployment.snapshot.summary.get("agents", [])
    if frozen:
        return live_agents(org_id=deployment.org_id, uids=frozen)
    return linked_agents(deployment.project_id, deployment.environment_id)


@compiled
def live_agents(*, org_id: int, uids: Collection[str]) -> AgentQuerySet:
    return Agent.objects.live().filter(org_id=org_id, uid__in=uids)


def linked_agents(project_id: int, environment_id: int) -> list[Agent]:
    links = ProjectAgent.objects.filter(
        project_id=project_id, agent__revoked_at=None
    ).select_related("agent")
    return agents_among(links, place=(project_id, environment_id))


def agents_among(links: Iterable[ProjectAgent], *, place: tuple[int, int]) -> list[Agent]:
    """The agents that are linked to (project, environment), each once."""
    project_id, environment_id = place
    found = {
        link.agent_id: link.agent
        for link in links
        if link.project_id == project_id and link.environment_id in (None, environment_id)
    }
    return list(found.values())


def release(target: Target, deployment: Deployment) -> None:
    """Take the turn from `deployment` if it has it, and give it to the next one."""
    if target.head_id == deployment.pk:
        target.head = None
    if advance(target) is None:
        keep(target)


def keep(target: Target) -> None:
    """Write down who has the turn at a locked target, what runs there, and what came last."""
    keep_cell(
        pk=target.pk,
        head_id=target.head_id,
        current_id=target.current_id,
        latest_id=target.latest_id,
    )


@compiled_update
def keep_cell(
    *, pk: int, head_id: int | None, current_id: int | None, latest_id: int | None
) -> Change:
    turns = {"head_id": head_id, "current_id": current_id, "latest_id": latest_id}
    return Target.objects.filter(pk=pk), turns


def end(
    target: Target, deployment: Deployment, *, as_state: str, reason: str, by: Actor = SYSTEM
) -> bool:
    """End a deployment whose target is locked, once; then the next one has its turn."""
    unfinished = [state for state in State.values if state not in FINISHED]
    if not change_state(deployment, to=as_state, reason=reason, come_from=unfinished):
        return False
    if as_state == State.SUCCEEDED:
        target.current = deployment  # `release` writes it
    announcements.announce(deployment, by=by)
    release(target, deployment)
    return True


def call_off(
    target: Target, deployment: Deployment, *, as_state: str, reason: str, by: Actor = SYSTEM
) -> None:
    """End a deployment that has not begun, and its jobs with it. Its target must be locked."""
    if end(target, deployment, as_state=as_state, reason=reason, by=by):
        job_end = JobState.CANCELED if as_state == State.CANCELED else JobState.SKIPPED
        Job.objects.filter(deployment=deployment, state__in=JOB_NOT_STARTED).update(
            state=job_end, reason=reason[:500], finished_at=timezone.now()
        )


def queue_position(deployment: Deployment) -> int:
    """1 for the one that is next or has its turn; 0 for one that is not queued."""
    if deployment.state != State.QUEUED:
        return 0
    queue = Deployment.objects.queue_of(deployment.target_id)
    ahead = queue.filter(queued_at__lt=deployment.queued_at) | queue.filter(
        queued_at=deployment.queued_at, pk__lt=deployment.pk
    )
    return ahead.count() + 1


def waiting_sentence(deployment: Deployment) -> str:
    """Why a queued deployment waits, for people."""
    if deployment.state != State.QUEUED:
        return deployment.reason
    head = deployment.target.head
    if head is not None and head.pk != deployment.pk:
        return (
            f"Waits behind {head.version} in the queue, at position {queue_position(deployment)}."
        )
    names = [job.agent.name for job in deployment.jobs.select_related("agent")]
    if not names:
        return no_agent_sentence(deployment.project, deployment.environment)
    return f"Waits for {', '.join(names)} to take it."


def no_agent_sentence(project: Project, environment: Environment) -> str:
    return f"No agent serves {project} in {environment}: link one on the project's Agents page."
