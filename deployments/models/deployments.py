"""Attempts to put one version somewhere."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Now

from deployments.models.snapshots import Snapshot
from deployments.models.targets import Target
from hydra import keys
from orgs.models import ActorKind, Environment, Organization
from projects.models import Application, AutoDeployRule, Project, Version


def new_deployment_uid() -> str:
    return keys.new_uid("d")


class State(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    AWAITING_APPROVAL = "awaiting_approval", "Needs approval"
    HELD = "held", "Held"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    CANCELING = "canceling", "Canceling"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"
    CANCELED = "canceled", "Canceled"
    SUPERSEDED = "superseded", "Superseded"
    EXPIRED = "expired", "Expired"
    REJECTED = "rejected", "Rejected"


WAITING = (State.SCHEDULED, State.AWAITING_APPROVAL, State.HELD, State.QUEUED)
ACTIVE = (State.RUNNING, State.CANCELING)
FINISHED = (
    State.SUCCEEDED,
    State.FAILED,
    State.UNKNOWN,
    State.CANCELED,
    State.SUPERSEDED,
    State.EXPIRED,
    State.REJECTED,
)


# The words of the native API and of webhooks, coarser than ours.
COARSE = {
    State.SCHEDULED: "QUEUED",
    State.AWAITING_APPROVAL: "QUEUED",
    State.HELD: "QUEUED",
    State.QUEUED: "QUEUED",
    State.RUNNING: "DEPLOYING",
    State.CANCELING: "DEPLOYING",
    State.SUCCEEDED: "READY",
    State.FAILED: "ERROR",
    State.UNKNOWN: "ERROR",
    State.CANCELED: "CANCELLED",
    State.SUPERSEDED: "CANCELLED",
    State.EXPIRED: "ERROR",
    State.REJECTED: "CANCELLED",
}


class Trigger(models.TextChoices):
    MANUAL = "manual", "By hand"
    RULE = "rule", "Auto-deploy rule"
    API = "api", "API"
    RETRY = "retry", "Retry"
    ROLLBACK = "rollback", "Rollback"


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def in_org(self, org: Organization) -> DeploymentQuerySet:
        return self.filter(org=org)

    def active(self) -> DeploymentQuerySet:
        return self.in_few(ACTIVE)

    def unfinished(self) -> DeploymentQuerySet:
        return self.in_few((*WAITING, *ACTIVE))

    def in_few(self, states: Collection[str]) -> DeploymentQuerySet:
        """In states that few are in, found by them. In the order of keys, with a limit, SQLite
        would look through all that is over for the few that are not.
        """
        few = self.filter(state__in=states).select_related(None).order_by()
        return self.filter(pk__in=few.values("pk"))

    def queue_of(self, target_id: int) -> DeploymentQuerySet:
        """What waits for its turn at a target, first come first served."""
        return self.filter(target_id=target_id, state=State.QUEUED).order_by("queued_at", "pk")

    def due(self) -> DeploymentQuerySet:
        """Scheduled ones whose time has come."""
        return self.filter(state=State.SCHEDULED, due_at__lte=Now()).order_by("due_at", "pk")

    def overdue(self) -> DeploymentQuerySet:
        """What has waited longer than its limit."""
        return self.filter(state__in=WAITING, deadline_at__lte=Now()).order_by("deadline_at")

    def with_names(self) -> DeploymentQuerySet:
        return self.select_related("project", "application", "environment", "version")

    def newest_by_rule(self, rules: Collection[AutoDeployRule]) -> dict[str, Deployment]:
        """What each of these rules started last, by its uid; one query, however many they are."""
        started = Deployment.objects.filter(trigger=Trigger.RULE, rule_uid=OuterRef("uid"))
        newest = Subquery(started.order_by("-pk").values("pk")[:1])
        asked = AutoDeployRule.objects.filter(pk__in=[rule.pk for rule in rules])
        found = self.filter(pk__in=asked.order_by().annotate(newest=newest).values("newest"))
        return {each.rule_uid: each for each in found.select_related("version")}


class Deployment(models.Model):
    """One attempt to put one version of an application into one environment of a project.

    A finished deployment never changes its state: a retry or a rollback is a new one. What a
    person later says of an unknown one stands in `resolution`.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_deployment_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="deployments", verbose_name="organization"
    )
    target = models.ForeignKey(Target, models.CASCADE, related_name="deployments")
    project = models.ForeignKey(Project, models.CASCADE, related_name="deployments")
    application = models.ForeignKey(Application, models.CASCADE, related_name="deployments")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="deployments")
    version = models.ForeignKey(Version, models.PROTECT, related_name="deployments")
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="deployments")
    state = models.CharField(max_length=18, choices=State)
    reason = models.CharField(max_length=500, blank=True)
    sequence = models.PositiveIntegerField(default=1, help_text="Rises with each change of state")
    trigger = models.CharField(max_length=10, choices=Trigger)
    rule_uid = models.CharField("rule ID", max_length=40, blank=True)
    requested_by_kind = models.CharField(max_length=8, choices=ActorKind)
    requested_by_uid = models.CharField("requested by ID", max_length=40, blank=True)
    requested_by_label = models.CharField(max_length=200, blank=True)
    previous_version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries")
    superseded_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    form_key = models.CharField(
        max_length=40, blank=True, help_text="Made when the form was shown: double clicks collapse"
    )
    resolution = models.CharField(max_length=10, blank=True)
    resolved_by_label = models.CharField(max_length=200, blank=True)
    due_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["org", "-id"], name="deployment_list"),
            models.Index(fields=["org", "state", "-id"], name="deployment_list_by_state"),
            models.Index(fields=["project", "-id"], name="deployment_list_of_project"),
            models.Index(fields=["application", "-id"], name="deployment_list_of_app"),
            models.Index(fields=["version", "-id"], name="deployment_of_version"),
            models.Index(fields=["target", "-id"], name="deployment_of_target"),
            models.Index(
                fields=["rule_uid", "-id"],
                condition=Q(trigger="rule"),
                name="deployment_newest_of_rule",
            ),
            models.Index(
                fields=["target", "queued_at", "id"],
                condition=Q(state="queued"),
                name="deployment_queue",
            ),
            models.Index(fields=["due_at"], condition=Q(state="scheduled"), name="deployment_due"),
            models.Index(
                fields=["deadline_at"],
                condition=Q(state__in=WAITING),
                name="deployment_overdue",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(state__in=ACTIVE),
                name="deployment_one_active_per_target",
            ),
            models.UniqueConstraint(
                fields=["version", "target"],
                condition=Q(trigger="rule"),
                name="deployment_rules_fire_once_per_target",
            ),
            models.UniqueConstraint(
                fields=["org", "form_key"],
                condition=~Q(form_key=""),
                name="deployment_form_sent_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="deployment_state_known"
            ),
            models.CheckConstraint(
                condition=(Q(state__in=FINISHED) & Q(finished_at__isnull=False))
                | (~Q(state__in=FINISHED) & Q(finished_at=None)),
                name="deployment_finished_has_end",
            ),
            models.CheckConstraint(
                condition=Q(resolution="")
                | Q(state="unknown", resolution__in=["succeeded", "failed"]),
                name="deployment_resolution_of_unknown_only",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.version} to {self.environment}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def status(self) -> str:
        """The state in the coarse words that other systems use."""
        return COARSE[State(self.state)]

    @property
    def can_be_canceled(self) -> bool:
        return self.state in WAITING or self.state == State.RUNNING
