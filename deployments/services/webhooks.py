"""Customers' webhooks, and how an event becomes one delivery for each that wants it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from deployments.models import Delivery, DeliveryState, Webhook
from hydra import hints, keys, outbound
from hydra.crash import crashpoint
from hydra.errors import Conflict, Invalid
from hydra.names import require_plain
from orgs.models import Actor, Event, Organization
from orgs.services import events
from orgs.services.events import WEBHOOK_VERBS

FAN_OUT_BATCH = 200


class WebhookDisabled(Conflict):
    code = "webhook_disabled"


@transaction.atomic
def create_webhook(  # noqa: PLR0913  # each is said by name
    org: Organization,
    *,
    url: str,
    by: Actor,
    verbs: Sequence[str] = (),
    name: str = "",
    header_prefix: str = "X-Hydra",
) -> tuple[Webhook, str]:
    """A webhook and its secret, shown once. Addresses that are never allowed are refused."""
    name = require_plain(name)
    outbound.check_url(url)
    unknown = sorted(set(verbs) - set(WEBHOOK_VERBS))
    if unknown:
        raise Invalid.at(
            "events",
            f"There is no event {unknown[0]}.",
            f"Choose from {', '.join(WEBHOOK_VERBS)}.",
        )
    webhook = Webhook(
        org=org, url=url, name=name, verbs=sorted(set(verbs)), header_prefix=header_prefix
    )
    secret = keys.new_webhook_secret()
    webhook.seal_secret(secret)
    webhook.save(force_insert=True)
    note(webhook, "webhook.created", by=by)
    return webhook, secret


@transaction.atomic
def delete_webhook(webhook: Webhook, *, by: Actor) -> None:
    """Delete it with its deliveries: nothing more is sent there."""
    note(webhook, "webhook.deleted", by=by)
    webhook.delete()


@transaction.atomic
def disable(webhook: Webhook, *, reason: str, by: Actor) -> None:
    """Send nothing more, and close what still waits as skipped. Disabling twice is once."""
    enabled = Webhook.objects.enabled().filter(pk=webhook.pk)
    if not enabled.update(disabled_at=Now(), disabled_reason=reason[:500]):
        return
    Delivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING).update(
        state=DeliveryState.SKIPPED, finished_at=timezone.now(), reason="The webhook was disabled."
    )
    note(webhook, "webhook.disabled", by=by)


@transaction.atomic
def send_test(webhook: Webhook, *, by: Actor) -> Event:
    """A ping to this webhook alone."""
    if webhook.disabled_at is not None:
        raise WebhookDisabled("The webhook is disabled. Enable it first.")
    event = note(webhook, "webhook.tested", by=by)
    events.number_events()
    event.refresh_from_db(fields=["sequence", "created_at"])
    body = compose_body(event, verb="ping")
    Delivery.objects.create(org=webhook.org, webhook=webhook, event=event, verb="ping", body=body)
    hints.wake_on_commit("worker", "deliveries")
    return event


def note(webhook: Webhook, verb: str, *, by: Actor) -> Event:
    return events.record(
        org=webhook.org,
        by=by,
        verb=verb,
        subject=events.Subject("webhook", webhook.uid, str(webhook)),
        data={"webhook": {"id": webhook.uid, "url": webhook.url, "events": webhook.verbs}},
    )


@transaction.atomic
def fan_out() -> int:
    """Turn events that nobody has been told of into deliveries; the number of events.

    The event is the outbox: it is marked in the transaction that writes the deliveries, of
    which there is one for each event and webhook, so that this may run twice.
    """
    waiting = list(
        Event.objects.to_fan_out()
        .select_for_update(skip_locked=True, of=["self"])
        .select_related("org")[:FAN_OUT_BATCH]
    )
    if not waiting:
        return 0
    hooks: dict[int, list[Webhook]] = defaultdict(list)
    for webhook in Webhook.objects.enabled().filter(org__in={event.org_id for event in waiting}):
        hooks[webhook.org_id].append(webhook)
    deliveries = [
        Delivery(
            org_id=event.org_id,
            webhook=webhook,
            event=event,
            verb=event.verb,
            body=compose_body(event),
        )
        for event in waiting
        for webhook in hooks[event.org_id]
        if not webhook.verbs or event.verb in webhook.verbs
    ]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    crashpoint("fan_out.before_commit")
    Event.objects.filter(pk__in=[event.pk for event in waiting]).update(needs_fanout=False)
    if deliveries:
        hints.wake_on_commit("worker", "deliveries")
    if len(waiting) == FAN_OUT_BATCH:
        hints.wake_on_commit("worker", "events")
    return len(waiting)


def compose_body(event: Event, *, verb: str = "") -> bytes:
    """The bytes that are sent and signed: the seed's fields and ours."""
    body: dict[str, Any] = {
        "event": verb or event.verb,
        "id": event.uid,
        "sequence": event.sequence,
        "occurred_at": event.created_at.isoformat().replace("+00:00", "Z"),
        "organization": {"id": event.org.uid, "name": event.org.name, "slug": event.org.slug},
        **event.data,
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
