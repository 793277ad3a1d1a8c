"""Asking for deployments, by hand, by API or by rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent
from deployments.models import FINISHED, Deployment, Snapshot, State, Target, Trigger
from deployments.services import announcements, queues
from hydra import inserts
from hydra.errors import NotFound, Refused
from orgs.models import Actor, ActorKind, Environment, Event
from orgs.services import events
from projects.models import Application, Project, ProjectApplication, ProjectEnvironment, Version
from projects.models.projects import QueueMode
from projects.services import rendering


class CannotDeploy(Refused):
    """This version cannot go to this place."""

    code = "cannot_deploy"


@dataclass(frozen=True)
class Order:
    """What is asked for, and by whom."""

    version: Version
    by: Actor
    trigger: str = Trigger.MANUAL
    rule_uid: str = ""
    form_key: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True)
class Destination:
    """A place with the rows that deciding needs, loaded once."""

    link: ProjectEnvironment
    application: Application
    agents: list[Agent]
    seen: Target | None = None  # the cell as it was before its lock, with what ran there

    @property
    def current(self) -> Deployment | None:
        """What ran there before the lock, as far as anybody looked."""
        return self.seen.current if self.seen is not None else None

    @property
    def place(self) -> rendering.Place:
        return rendering.Place(self.link.project, self.link.environment, self.link.url)


@transaction.atomic
def request_deployment(  # noqa: PLR0913  # each is said by name
    *,
    project: Project,
    application: Application,
    environment: Environment,
    version: Version,
    by: Actor,
    trigger: str = Trigger.MANUAL,
    form_key: str = "",
) -> Deployment:
    """Queue a version for a place, behind what is already there.

    Asked for again while it waits or runs, it is the same deployment: double clicks, two tabs
    and two requests at once give one. `form_key` names the form that was sent, so that the same
    form gives the same deployment even when that has ended since.
    """
    destination = find_destination(project, application, environment)
    target = queues.lock(find_target(destination).pk)
    destination = replace(destination, seen=target)
    before = asked_before(target, version=version, form_key=form_key)
    if before is not None:
        return before
    sources = rendering.load_sources(application, projects=[project])
    order = Order(version=version, by=by, trigger=trigger, form_key=form_key)
    deployment, news = place_order(order, destination=destination, sources=sources)
    events.record_all(news)
    return deployment


def asked_before(target: Target, *, version: Version, form_key: str) -> Deployment | None:
    """The deployment that this request repeats, at a target that is locked."""
    same = Q(version=version) & ~Q(state__in=FINISHED)
    if form_key:
        same |= Q(form_key=form_key)
    rows = Deployment.objects.filter(same, target=target)
    return rows.with_names().select_related("org").order_by("pk").first()


def find_destination(
    project: Project, application: Application, environment: Environment
) -> Destination:
    """The place, if the project has it; else NotFound says what the project lacks."""
    link = (
        ProjectEnvironment.objects.select_related("project__org", "environment")
        .filter(project=project, environment=environment)
        .first()
    )
    if link is None:
        raise NotFound(f"{project} does not use the environment {environment}.")
    if not ProjectApplication.objects.filter(project=project, application=application).exists():
        raise NotFound(f"{project} does not contain the application {application}.")
    agents = queues.linked_agents(project.pk, environment.pk)
    return Destination(link=link, application=application, agents=agents)


def find_target(destination: Destination) -> Target:
    """The cell of the matrix, made at its first deployment; two at once make one."""
    link = destination.link
    key = {
        "project_id": link.project_id,
        "application_id": destination.application.pk,
        "environment_id": link.environment_id,
    }
    found = Target.objects.filter(**key).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Target.objects.create(org_id=link.project.org_id, **key)
    except IntegrityError:
        return Target.objects.get(**key)


def lock_target(destination: Destination) -> Target:
    """The cell, locked, with what runs there now.

    That is asked for once more if it has changed since it was seen; joined, it could be what ran
    there before the wait.
    """
    target = queues.locked_cell.first(
        project_id=destination.link.project_id,
        application_id=destination.application.pk,
        environment_id=destination.link.environment_id,
    )
    if target is None:
        target = queues.lock(find_target(destination).pk)
    if is_still_there(destination, target):
        target.current = destination.current
    elif target.current_id is not None:
        target.current = queues.deployments_with_versions.first(pk=target.current_id)
    return target


def is_still_there(destination: Destination, target: Target) -> bool:
    """Whether at the locked cell runs what ran there when it was seen."""
    current = destination.current
    return target.current_id == (current.pk if current is not None else None)


def place_order(
    order: Order, *, destination: Destination, sources: rendering.Sources
) -> tuple[Deployment, list[Event]]:
    """Write a deployment with its snapshot, and let it have its turn if it is free.

    Returns the events for the caller to record together. To be called in a transaction, which
    can go on after a refusal: what refuses does so before anything is written.
    """
    destination.link.project.org.require_active()
    require_deployable(order.version, destination.application)
    # Most of the work comes before the lock: all creates for one place wait there for each other.
    snapshot = freeze(order, destination=destination, sources=sources, current=destination.current)
    target = lock_target(destination)
    if not is_still_there(destination, target):
        snapshot.delete()
        snapshot = freeze(order, destination=destination, sources=sources, current=target.current)
    deployment = compose(order, destination=destination, target=target, snapshot=snapshot)
    inserts.insert(deployment)
    news = [announcements.compose(deployment, by=order.by)]
    announcements.wake_watchers(deployment)
    target.latest = deployment
    if deployment.state == State.QUEUED:
        news += supersede_older(deployment, destination)
        if target.head_id is None:
            target.head = deployment
            queues.make_jobs(deployment, destination.agents)
    queues.keep(target)
    return deployment, news


def require_deployable(version: Version, application: Application) -> None:
    if version.application_id != application.pk:
        raise NotFound(f"{application} has no version {version}.")
    if version.blocked_reason:
        raise CannotDeploy(f"{version} is blocked: {version.blocked_reason}")


def freeze(
    order: Order,
    *,
    destination: Destination,
    sources: rendering.Sources,
    current: Deployment | None,
) -> Snapshot:
    content = rendering.render(
        sources,
        place=destination.place,
        version=order.version,
        previous=current.version.name if current is not None else "",
        agents=[agent.uid for agent in destination.agents],
    )
    snapshot = Snapshot(
        org_id=destination.link.project.org_id, summary=rendering.summarize(content)
    )
    snapshot.seal_content(content)
    inserts.insert(snapshot)
    return snapshot


def compose(
    order: Order, *, destination: Destination, target: Target, snapshot: Snapshot
) -> Deployment:
    now = timezone.now()
    link, current = destination.link, target.current
    is_later = order.due_at is not None and order.due_at > now
    waits_from = order.due_at if order.due_at is not None and is_later else now
    return Deployment(
        org=link.project.org,
        target=target,
        project=link.project,
        application=destination.application,
        environment=link.environment,
        version=order.version,
        snapshot=snapshot,
        state=State.SCHEDULED if is_later else State.QUEUED,
        reason=f"Waits until {order.due_at:%Y-%m-%d %H:%M} UTC." if is_later else "",
        trigger=order.trigger,
        rule_uid=order.rule_uid,
        form_key=order.form_key,
        requested_by_kind=order.by.kind,
        requested_by_uid=order.by.uid,
        requested_by_label=order.by.label[:200],
        previous_version_id=current.version_id if current is not None else None,
        due_at=order.due_at if is_later else None,
        queued_at=None if is_later else now,
        deadline_at=waits_from + timedelta(seconds=link.queue_limit_seconds),
        created_at=now,
    )


def supersede_older(deployment: Deployment, destination: Destination) -> list[Event]:
    """Where only the latest is wanted, end what still waits behind the head."""
    if destination.link.queue_mode != QueueMode.LATEST:
        return []
    older = (
        Deployment.objects.queue_of(deployment.target_id)
        .exclude(pk=deployment.pk)
        .exclude(pk=deployment.target.head_id or 0)
        .with_names()
        .select_related("org")
    )
    news = []
    for waiting in older:
        reason = f"{deployment.version} took its place."
        if queues.change_state(
            waiting, to=State.SUPERSEDED, reason=reason, come_from=[State.QUEUED]
        ):
            Deployment.objects.filter(pk=waiting.pk).update(superseded_by=deployment)
            news.append(announcements.compose(waiting, by=deployment_actor(deployment)))
            announcements.wake_watchers(waiting)
    return news


def deployment_actor(deployment: Deployment) -> Actor:
    """Who asked for it, as those remember who are told of its consequences."""
    return Actor(
        kind=ActorKind(deployment.requested_by_kind),
        uid=deployment.requested_by_uid,
        label=deployment.requested_by_label,
    )
