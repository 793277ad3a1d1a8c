"""Agents' shares of deployments: jobs, their steps and their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.models import Agent
from deployments.models.deployments import Deployment
from hydra import keys
from orgs.models import Organization

if TYPE_CHECKING:
    from collections.abc import Iterable


def new_job_uid() -> str:
    return keys.new_uid("job")


class JobState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    READY = "ready", "Ready"
    OFFERED = "offered", "Offered"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    UNKNOWN = "unknown", "Unknown"
    SKIPPED = "skipped", "Skipped"


JOB_FINISHED = (
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELED,
    JobState.UNKNOWN,
    JobState.SKIPPED,
)
JOB_NOT_STARTED = (JobState.WAITING, JobState.READY, JobState.OFFERED)


class StepState(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    CANCELED = "canceled", "Canceled"
    UNKNOWN = "unknown", "Unknown"


class JobQuerySet(models.QuerySet["Job"]):
    def in_org(self, org: Organization) -> JobQuerySet:
        return self.filter(org=org)

    def ready_for(self, agent_ids: Iterable[int]) -> JobQuerySet:
        """What these agents may be offered, oldest first."""
        return self.filter(agent_id__in=agent_ids, state=JobState.READY).order_by("pk")

    def lapsed_offers(self) -> JobQuerySet:
        return self.filter(state=JobState.OFFERED, offer_until__lte=Now())

    def lapsed_leases(self) -> JobQuerySet:
        return self.filter(state=JobState.RUNNING, lease_until__lte=Now())

    def with_names(self) -> JobQuerySet:
        """Joined with all that is told of the deployment, and not with what it runs."""
        joined = self.select_related(
            "deployment__org",
            "deployment__project",
            "deployment__application",
            "deployment__environment",
            "deployment__version",
            "deployment__snapshot",
        )
        return joined.defer("deployment__snapshot__content_sealed")


class Job(models.Model):
    """One agent's share of a deployment.

    It runs under a lease and a fence: each offer raises `fence`, and whoever speaks for the job
    must name it. A finished job never changes; what an agent reports later of an unknown one
    stands in `late_outcome`.
    """

    uid = models.CharField("ID", max_length=40, unique=True, default=new_job_uid, editable=False)
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="jobs")
    agent = models.ForeignKey(Agent, models.CASCADE, related_name="jobs")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    reason = models.CharField(max_length=500, blank=True)
    fence = models.PositiveIntegerField(default=0)
    session = models.UUIDField(null=True, help_text="The agent's session that was offered it")
    offer_until = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    late_outcome = models.CharField(max_length=10, blank=True)
    log_size = models.PositiveBigIntegerField(default=0, help_text="Bytes stored so far")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["agent", "id"], condition=Q(state="ready"), name="job_ready"),
            models.Index(
                fields=["offer_until"], condition=Q(state="offered"), name="job_offer_lapses"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(state="running"), name="job_lease_lapses"
            ),
            models.Index(
                fields=["agent"],
                condition=Q(state__in=["offered", "running"]),
                name="job_held_by_agent",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "agent"], name="job_once_per_agent"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=(Q(state__in=JOB_FINISHED) & Q(finished_at__isnull=False))
                | (~Q(state__in=JOB_FINISHED) & Q(finished_at=None)),
                name="job_finished_has_end",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False, fence__gte=1),
                name="job_runs_under_lease_and_fence",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment} on {self.agent}"


class StepRun(models.Model):
    """One step of a job as it ran. Steps that have not begun have no row."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="step_runs")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=StepState)
    attempt = models.PositiveSmallIntegerField(default=1)
    exit_code = models.IntegerField(null=True)
    started_after_ms = models.BigIntegerField("started after (ms)", null=True)
    duration_ms = models.BigIntegerField("duration (ms)", null=True)
    log_from = models.PositiveBigIntegerField(null=True)
    log_to = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["job_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="step_run_once"),
            models.CheckConstraint(
                condition=Q(state__in=StepState.values), name="step_run_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LogChunk(models.Model):
    """A range of a job's log, byte for byte as the agent's spool has it, compressed."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="log_chunks")
    offset = models.PositiveBigIntegerField()
    length = models.PositiveIntegerField()
    content = models.BinaryField(help_text="zlib")

    class Meta:
        ordering = ["job_id", "offset"]
        constraints = [
            models.UniqueConstraint(fields=["job", "offset"], name="log_chunk_without_overlap"),
            models.CheckConstraint(condition=Q(length__gte=1), name="log_chunk_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.length} bytes from {self.offset}"
