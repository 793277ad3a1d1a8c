"""Deployments and deliveries, for site administrators to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from deployments.models import (
    Attempt,
    Delivery,
    Deployment,
    Evaluation,
    Job,
    LogChunk,
    Snapshot,
    StepRun,
    Target,
    Tick,
    Webhook,
)
from hydra.staff import Listing, Newest

ORG_OR_ID = "An organization's address, or an id"
JOB = "A job's id"


def naming(deployment: str) -> tuple[str, ...]:
    """What a deployment's name is made of, below a relation to it."""
    return tuple(f"{deployment}__{part}" for part in ("application", "version", "environment"))


@admin.register(Target)
class TargetListing(Listing):
    joined = (*naming("head"), *naming("current"), *naming("latest"))
    list_display = ("id", "org", "project", "application", "environment", "held_at")
    list_filter = (("held_at", admin.EmptyFieldListFilter),)
    search_fields = ("org",)
    search_help_text = "An organization's address"


@admin.register(Deployment)
class DeploymentListing(Listing):
    joined = (
        *("target__application", "target__project", "target__environment"),
        *naming("retry_of"),
        *naming("superseded_by"),
    )
    list_display = ("uid", "org", "project", "application", "environment", "version", "state")
    list_filter = (("state", Newest), ("trigger", Newest))
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(Snapshot)
class SnapshotListing(Listing):
    list_display = ("uid", "org", "created_at")
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(Job)
class JobListing(Listing):
    joined = naming("deployment")
    list_display = ("uid", "org", "agent", "state", "reason", "started_at", "finished_at")
    list_filter = (("state", Newest),)
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(StepRun)
class StepRunListing(Listing):
    joined = (*naming("job__deployment"), "job__agent")
    list_display = ("job", "position", "name", "state", "attempt", "exit_code", "reason")
    list_filter = (("state", Newest),)
    search_fields = ("job__uid",)
    search_help_text = JOB


@admin.register(LogChunk)
class LogChunkListing(Listing):
    joined = (*naming("job__deployment"), "job__agent")
    list_display = ("job", "offset", "length")
    search_fields = ("job__uid",)
    search_help_text = JOB


@admin.register(Evaluation)
class EvaluationListing(Listing):
    list_display = ("version", "created_at")
    search_fields = ("version__uid",)
    search_help_text = "A version's id"


@admin.register(Tick)
class TickListing(Listing):
    list_display = ("name", "last_at")
    ordering = ("name",)


@admin.register(Webhook)
class WebhookListing(Listing):
    """The address is not shown whole: with many receivers its path is the password."""

    list_display = ("uid", "org", "name", "receiver", "failing_since", "disabled_at")
    list_filter = (("disabled_at", admin.EmptyFieldListFilter),)
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> list[Any]:
        fields = super().get_fields(request, obj)
        return ["receiver" if name == "url" else name for name in fields]

    @admin.display
    def receiver(self, webhook: Webhook) -> str:
        return webhook.receiver


@admin.register(Delivery)
class DeliveryListing(Listing):
    list_display = ("uid", "org", "verb", "state", "attempts_made", "next_attempt_at", "reason")
    list_filter = (("state", Newest),)
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(Attempt)
class AttemptListing(Listing):
    joined = ("delivery__webhook",)
    list_display = ("delivery", "number", "started_at", "took_ms", "status", "error")
    search_fields = ("delivery__uid",)
    search_help_text = "A delivery's id"
