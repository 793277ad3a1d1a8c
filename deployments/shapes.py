"""How the faces of the API show versions and deployments; the native one and Hydra's own share it.

Typed dictionaries, so that mypy holds what is shown to what the OpenAPI description says of it,
and so that showing costs nothing on the way that pipelines wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from urllib.parse import urlsplit

from deployments.models import Deployment, Job, StepRun
from deployments.services import announcements, queues
from deployments.services.evaluations import Verdict
from deployments.services.versions import Reception
from hydra.api.answers import Moment, moment, moment_or_none
from orgs.models import Organization
from projects.models import Application, Version


class DeploymentShown(TypedDict):
    """One attempt to put one version of an application into one environment of a project.

    `status` is coarse (QUEUED, DEPLOYING, READY, ERROR, CANCELLED), `state` exact.
    """

    id: str
    status: str
    state: str
    reason: str
    project: str
    application: str
    environment: str
    version: str
    build: int
    branch: str
    commitSha: str
    commitMessage: str
    trigger: str
    requested_by: str
    deployment_domain: str | None
    url: str
    buildDurationMs: int | None
    bundleSizeKb: int
    created_at: Moment
    due_at: Moment | None
    queued_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None


class StepRunShown(TypedDict):
    """One step of a job as it ran."""

    position: int
    name: str
    state: str
    attempt: int
    exit_code: int | None
    duration_ms: int | None
    log_from: int | None
    log_to: int | None
    reason: str


class JobShown(TypedDict):
    """One agent's share of a deployment."""

    id: str
    agent: str
    state: str
    reason: str
    log_size: int
    started_at: Moment | None
    finished_at: Moment | None
    steps: list[StepRunShown]


class DeploymentDetailShown(DeploymentShown):
    """A deployment with what each of its agents did.

    Of a queued one `reason` says why it waits, and `position` its place in the queue, from 1.
    """

    position: int | None
    jobs: list[JobShown]


class VersionShown(TypedDict):
    """One build of one release of an application."""

    id: str
    name: str
    version: str
    build: int
    application: str
    tags: list[str]
    commit: str
    message: str
    author: str
    image: str
    notes: str
    blocked_reason: str
    created_by: str
    created_at: Moment


class ReceiptShown(VersionShown):
    """A version, what it set off, and what every rule of its application said.

    `replayed` tells that it was there before, and that nothing was started now.
    """

    replayed: bool
    deployments: list[StartedShown]
    decisions: Sequence[Verdict]


class StartedShown(TypedDict):
    """A deployment that a version set off."""

    id: str
    project: str
    application: str
    environment: str
    status: str
    state: str
    url: str


def show_version(version: Version, *, application: Application) -> VersionShown:
    return VersionShown(
        id=version.uid,
        name=version.name,
        version=version.name,
        build=version.build,
        application=application.code,
        tags=version.tags,
        commit=version.commit,
        message=version.message,
        author=version.author,
        image=version.image,
        notes=version.notes,
        blocked_reason=version.blocked_reason,
        created_by=version.created_by_label,
        created_at=moment(version.created_at),
    )


def show_receipt(reception: Reception, *, application: Application) -> ReceiptShown:
    return ReceiptShown(
        **show_version(reception.version, application=application),
        replayed=not reception.is_new,
        deployments=[show_started(deployment) for deployment in reception.deployments],
        decisions=reception.verdicts,
    )


def show_started(deployment: Deployment) -> StartedShown:
    return StartedShown(
        id=deployment.uid,
        project=deployment.project.code,
        application=deployment.application.code,
        environment=deployment.environment.slug,
        status=deployment.status,
        state=deployment.state,
        url=announcements.page_url(deployment),
    )


def show_deployment(deployment: Deployment, *, org: Organization) -> DeploymentShown:
    """Needs `with_names` and `snapshot`; the environment's URL is there when annotated."""
    deployment.org = org  # already known, so that the address of the page costs no query
    version = deployment.version
    return DeploymentShown(
        id=deployment.uid,
        status=deployment.status,
        state=deployment.state,
        reason=deployment.reason,
        project=deployment.project.code,
        application=deployment.application.code,
        environment=deployment.environment.slug,
        version=version.name,
        build=version.build,
        branch=version.name,
        commitSha=version.commit,
        commitMessage=version.message,
        trigger=deployment.trigger,
        requested_by=deployment.requested_by_label,
        deployment_domain=domain_of(getattr(deployment, "environment_url", None)),
        url=announcements.page_url(deployment),
        buildDurationMs=milliseconds(deployment.started_at, deployment.finished_at),
        bundleSizeKb=bundle_size_kb(deployment.snapshot.summary),
        created_at=moment(deployment.created_at),
        due_at=moment_or_none(deployment.due_at),
        queued_at=moment_or_none(deployment.queued_at),
        started_at=moment_or_none(deployment.started_at),
        finished_at=moment_or_none(deployment.finished_at),
    )


def show_detail(deployment: Deployment, *, org: Organization) -> DeploymentDetailShown:
    jobs = deployment.jobs.select_related("agent").prefetch_related("step_runs")
    shown = show_deployment(deployment, org=org)
    shown["reason"] = queues.waiting_sentence(deployment)
    return DeploymentDetailShown(
        **shown, position=position_of(deployment), jobs=[show_job(job) for job in jobs]
    )


def position_of(deployment: Deployment) -> int | None:
    """Its place in the queue; None when it is not queued."""
    return queues.queue_position(deployment) or None


def show_job(job: Job) -> JobShown:
    return JobShown(
        id=job.uid,
        agent=job.agent.name,
        state=job.state,
        reason=job.reason,
        log_size=job.log_size,
        started_at=moment_or_none(job.started_at),
        finished_at=moment_or_none(job.finished_at),
        steps=[show_step(step_run) for step_run in job.step_runs.all()],
    )


def show_step(step_run: StepRun) -> StepRunShown:
    return StepRunShown(
        position=step_run.position,
        name=step_run.name,
        state=step_run.state,
        attempt=step_run.attempt,
        exit_code=step_run.exit_code,
        duration_ms=step_run.duration_ms,
        log_from=step_run.log_from,
        log_to=step_run.log_to,
        reason=step_run.reason,
    )


def domain_of(url: str | None) -> str | None:
    return urlsplit(url).netloc or None if url else None


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """How long it ran; None while it has not ended, or if it never ran."""
    if start is None or end is None:
        return None
    return round((end - start).total_seconds() * 1000)


def bundle_size_kb(summary: dict[str, object]) -> int:
    """The size of the config files that the agents get, in whole KiB."""
    files = summary.get("files", [])
    total = sum(file["bytes"] for file in files) if isinstance(files, list) else 0
    return -(-total // 1024)
