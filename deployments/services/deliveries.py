"""Sending deliveries: claim, call, record. One slow or dead receiver delays nobody else."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from deployments.models import Attempt, Delivery, DeliveryState, Webhook
from deployments.services import webhooks
from hydra import masking, outbound, signatures
from hydra.crash import crashpoint
from orgs.models import SYSTEM

log = structlog.get_logger(__name__)

# What the Standard Webhooks specification suggests, after the attempt at once.
RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2
LEASE = timedelta(seconds=45)  # longer than an exchange may take in all
PER_WEBHOOK = 4
ANSWER_KEPT = 4096
GIVE_UP_AFTER = timedelta(days=5)
GONE = 410


class Sender:
    """Sends what is due with a bounded number of threads, a few per webhook."""

    def __init__(self) -> None:
        self.slots = settings.HYDRA_DELIVERY_THREADS
        self.pool = ThreadPoolExecutor(self.slots, thread_name_prefix="delivery")
        self.lock = threading.Lock()
        self.in_flight: Counter[int] = Counter()
        self.freed = threading.Event()

    def send_due(self) -> int:
        """Begin as many due deliveries as there is room for; how many were begun."""
        begun = 0
        for delivery_id, webhook_id in self.choose():
            claim = claim_delivery(delivery_id)
            if claim is None:
                continue
            with self.lock:
                self.in_flight[webhook_id] += 1
            self.pool.submit(self.work, delivery_id, webhook_id, claim)
            begun += 1
        return begun

    def choose(self) -> list[tuple[int, int]]:
        """Due deliveries in turn, no webhook over its share, as far as slots are free."""
        with self.lock:
            busy = Counter(self.in_flight)
        free = self.slots - busy.total()
        full = [pk for pk, count in busy.items() if count >= PER_WEBHOOK]
        due = Delivery.objects.due().of_active_orgs().exclude(webhook__in=full)
        chosen: list[tuple[int, int]] = []
        for pk, webhook_id in due.values_list("pk", "webhook_id")[: 16 * self.slots]:
            if len(chosen) >= free:
                break
            if busy[webhook_id] < PER_WEBHOOK:
                busy[webhook_id] += 1
                chosen.append((pk, webhook_id))
        return chosen

    def work(self, delivery_id: int, webhook_id: int, claim: UUID) -> None:
        close_old_connections()
        try:
            attempt_delivery(delivery_id, claim)
        finally:
            with self.lock:
                self.in_flight[webhook_id] -= 1
                self.in_flight += Counter()
            self.freed.set()
            close_old_connections()

    def run(self, *, seconds: float) -> int:
        """Send until nothing is due and nothing is under way, or for that long."""
        ends = time.monotonic() + seconds
        total = 0
        while time.monotonic() < ends:
            self.freed.clear()
            total += (begun := self.send_due())
            with self.lock:
                is_idle = not self.in_flight.total()
            if is_idle and not begun:
                return total
            self.freed.wait(0.25)
        return total


def claim_delivery(pk: int) -> UUID | None:
    """Take one due delivery for one attempt; None when it is taken or done.

    The claim is a lease: unless the attempt is recorded under it, the delivery comes due again.
    """
    claim = uuid4()
    rows = Delivery.objects.due().filter(pk=pk)
    taken = rows.update(
        claim=claim, attempts_made=F("attempts_made") + 1, next_attempt_at=Now() + LEASE
    )
    return claim if taken else None


def attempt_delivery(pk: int, claim: UUID) -> None:
    """Make one attempt under a claim, outside any transaction, and record what came of it."""
    crashpoint("delivery.claimed")
    delivery = Delivery.objects.select_related("webhook").get(pk=pk)
    webhook = delivery.webhook
    if webhook.disabled_at is not None:
        record_end(delivery, claim, DeliveryState.SKIPPED, "The webhook was disabled.")
        return
    attempt = Attempt.objects.create(delivery=delivery, number=delivery.attempts_made)
    body = bytes(delivery.body)
    try:
        answer = outbound.post(webhook.url, body=body, headers=headers_for(delivery, body))
    except outbound.Blocked:
        record_failure(delivery, claim, attempt, error="blocked address", headers={})
        return
    except outbound.Unreachable as trouble:
        record_failure(delivery, claim, attempt, error=trouble.sentence, headers={})
        return
    crashpoint("delivery.sent")
    attempt.status, attempt.took_ms = answer.status, answer.took_ms
    text = answer.body[:ANSWER_KEPT].decode(errors="replace").replace("\0", "\ufffd")
    attempt.answer = masking.mask(text)
    if answer.is_success:
        record_success(delivery, claim, attempt)
    else:
        error = f"The receiver answered {answer.status}."
        record_failure(delivery, claim, attempt, error=error, headers=answer.headers)


def headers_for(delivery: Delivery, body: bytes) -> dict[str, str]:
    """Both styles of signature, made anew for this attempt with the secrets that are live now."""
    webhook = delivery.webhook
    secrets = [webhook.open_secret()]
    old = webhook.open_old_secret()
    if old and webhook.old_secret_until is not None and webhook.old_secret_until > timezone.now():
        secrets.append(old)
    prefix = webhook.header_prefix
    return {
        "Content-Type": "application/json",
        "User-Agent": "Hydra-Webhooks/1",
        f"{prefix}-Event": delivery.verb,
        f"{prefix}-Delivery": delivery.uid,
        **signatures.headers(
            body,
            secrets=secrets,
            message_id=delivery.uid,
            timestamp=int(time.time()),
            prefix=prefix,
        ),
    }


@transaction.atomic
def record_success(delivery: Delivery, claim: UUID, attempt: Attempt) -> None:
    attempt.save()
    record_end(delivery, claim, DeliveryState.SUCCEEDED, "")
    Webhook.objects.filter(pk=delivery.webhook_id, failing_since__isnull=False).update(
        failing_since=None
    )


def record_end(delivery: Delivery, claim: UUID, state: str, reason: str) -> None:
    mine = Delivery.objects.filter(pk=delivery.pk, claim=claim, state=DeliveryState.PENDING)
    mine.update(state=state, reason=reason[:500], finished_at=timezone.now())


@transaction.atomic
def record_failure(
    delivery: Delivery, claim: UUID, attempt: Attempt, *, error: str, headers: Mapping[str, str]
) -> None:
    """Note a failed attempt and when the next is due, or that it was the last."""
    attempt.error = error[:500]
    attempt.save()
    webhook = delivery.webhook
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=Now())
    if attempt.status == GONE:
        record_end(delivery, claim, DeliveryState.FAILED, error)
        webhooks.disable(webhook, reason="The receiver answered 410 Gone.", by=SYSTEM)
        return
    if delivery.attempts_made > len(RETRY_SECONDS):
        record_end(delivery, claim, DeliveryState.FAILED, error)
    else:
        wait = seconds_to_wait(delivery.attempts_made, retry_after=headers.get("retry-after", ""))
        Delivery.objects.filter(pk=delivery.pk, claim=claim, state=DeliveryState.PENDING).update(
            next_attempt_at=Now() + timedelta(seconds=wait), reason=error[:500]
        )
    disable_if_dead(webhook)


def disable_if_dead(webhook: Webhook) -> None:
    """Five days of nothing but failure are enough."""
    long_ago = timezone.now() - GIVE_UP_AFTER
    if Webhook.objects.filter(Q(failing_since__lt=long_ago), pk=webhook.pk).exists():
        webhooks.disable(webhook, reason="Nothing but failures for five days.", by=SYSTEM)


def seconds_to_wait(attempts_made: int, *, retry_after: str) -> float:
    """The planned wait with jitter; a receiver may ask for up to twice as long."""
    planned = RETRY_SECONDS[attempts_made - 1]
    wanted = parse_retry_after(retry_after)
    if wanted is not None:
        return float(min(max(wanted, planned), 2 * planned))
    return planned * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, no secret


def parse_retry_after(header: str) -> float | None:
    """Seconds from now; None for what is neither a number nor a date."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when: datetime = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        return None
    return max(0.0, (when - timezone.now()).total_seconds())
