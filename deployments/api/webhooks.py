"""`/api/v1/webhooks`"""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from deployments.models import Attempt, Delivery, Webhook
from deployments.services import webhooks
from hydra.api.answers import Moment, moment, moment_or_none
from hydra.api.fields import Taken, Text
from hydra.api.schema import PAGED, Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet


class WebhookShown(TypedDict):
    """A URL that receives chosen events; no events named means all."""

    id: str
    name: str
    url: str
    events: list[str]
    header_prefix: str
    enabled: bool
    disabled_reason: str
    created_at: Moment


class WebhookCreatedShown(WebhookShown):
    """A webhook, with its secret for the only time."""

    secret: str


class AttemptShown(TypedDict):
    number: int
    status: int | None
    error: str
    answer: str
    took_ms: int | None
    started_at: Moment


class DeliveryShown(TypedDict):
    """One event for one URL, with each try."""

    id: str
    event: str
    state: str
    reason: str
    attempts: list[AttemptShown]
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class WebhookTaken(Taken):
    url = Text(max_length=2000)
    events = serializers.ListField(child=Text(max_length=60), max_length=50, required=False)
    name = Text(max_length=100, required=False, allow_blank=True)
    header_prefix = serializers.RegexField(
        r"\A[A-Za-z][A-Za-z0-9-]{0,39}\Z", required=False, help_text="X-Hydra unless given"
    )


def show_webhook(webhook: Webhook) -> WebhookShown:
    return WebhookShown(
        id=webhook.uid,
        name=webhook.name,
        url=webhook.url,
        events=webhook.verbs,
        header_prefix=webhook.header_prefix,
        enabled=webhook.disabled_at is None,
        disabled_reason=webhook.disabled_reason,
        created_at=moment(webhook.created_at),
    )


def show_delivery(delivery: Delivery) -> DeliveryShown:
    is_over = delivery.finished_at is not None
    return DeliveryShown(
        id=delivery.uid,
        event=delivery.verb,
        state=delivery.state,
        reason=delivery.reason,
        attempts=[show_attempt(attempt) for attempt in delivery.attempts.all()],
        next_attempt_at=None if is_over else moment(delivery.next_attempt_at),
        created_at=moment(delivery.created_at),
        finished_at=moment_or_none(delivery.finished_at),
    )


def show_attempt(attempt: Attempt) -> AttemptShown:
    return AttemptShown(
        number=attempt.number,
        status=attempt.status,
        error=attempt.error,
        answer=attempt.answer,
        took_ms=attempt.took_ms,
        started_at=moment(attempt.started_at),
    )


class WebhookViewSet(OrgViewSet):
    @described(
        Operation(
            name="listWebhooks",
            summary="List webhooks",
            tag="Webhooks",
            shows=page(WebhookShown),
            permission=permission(Right.WEBHOOK_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        rows = self.granted(Webhook.objects.in_org(self.org), Right.WEBHOOK_READ)
        return self.show_page(rows, show_webhook)

    @described(
        Operation(
            name="createWebhook",
            summary="Create a webhook and its secret, which is shown once",
            tag="Webhooks",
            shows=data(WebhookCreatedShown),
            status=201,
            takes=WebhookTaken,
            permission=permission(Right.WEBHOOK_WRITE),
            example={"url": "https://ci.example.com/hydra", "events": ["deployment.ready"]},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.WEBHOOK_WRITE)
        taken = self.take(WebhookTaken)
        webhook, secret = webhooks.create_webhook(
            self.org, verbs=taken.pop("events", ()), by=self.actor, **taken
        )
        return self.show(WebhookCreatedShown(**show_webhook(webhook), secret=secret), status=201)

    @described(
        Operation(
            name="listDeliveries",
            summary="List the deliveries of a webhook, newest first",
            tag="Webhooks",
            shows=page(DeliveryShown),
            permission=permission(Right.WEBHOOK_READ),
            query=PAGED,
        )
    )
    def deliveries(self, _request: HttpRequest, uid: str) -> HttpResponse:
        webhook = self.webhook(uid, needs=Right.WEBHOOK_READ)
        rows = Delivery.objects.in_org(self.org).filter(webhook=webhook)
        return self.show_page(rows.prefetch_related("attempts"), show_delivery)

    def webhook(self, uid: str, *, needs: Right) -> Webhook:
        webhook = Webhook.objects.in_org(self.org).filter(uid=uid).first()
        if webhook is None:
            raise NotFound(f"There is no webhook {uid}.")
        self.require(needs, webhook.uid)
        return webhook
