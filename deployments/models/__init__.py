"""Deployments, the jobs that carry them out, and the webhooks that tell of them."""

from deployments.models.deployments import (
    ACTIVE,
    COARSE,
    FINISHED,
    WAITING,
    Deployment,
    DeploymentQuerySet,
    State,
    Trigger,
)
from deployments.models.evaluations import Evaluation
from deployments.models.jobs import (
    JOB_FINISHED,
    JOB_NOT_STARTED,
    Job,
    JobQuerySet,
    JobState,
    LogChunk,
    StepRun,
    StepState,
)
from deployments.models.snapshots import Snapshot
from deployments.models.targets import Target, TargetQuerySet
from deployments.models.ticks import Tick
from deployments.models.webhooks import (
    Attempt,
    Delivery,
    DeliveryQuerySet,
    DeliveryState,
    Webhook,
    WebhookQuerySet,
)

__all__ = [
    "ACTIVE",
    "COARSE",
    "FINISHED",
    "JOB_FINISHED",
    "JOB_NOT_STARTED",
    "WAITING",
    "Attempt",
    "Delivery",
    "DeliveryQuerySet",
    "DeliveryState",
    "Deployment",
    "DeploymentQuerySet",
    "Evaluation",
    "Job",
    "JobQuerySet",
    "JobState",
    "LogChunk",
    "Snapshot",
    "State",
    "StepRun",
    "StepState",
    "Target",
    "TargetQuerySet",
    "Tick",
    "Trigger",
    "Webhook",
    "WebhookQuerySet",
]
