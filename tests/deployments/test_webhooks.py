"""From an event to a customer's receiver: fan-out, attempts, retries, ends."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from deployments.models import Attempt, Delivery, DeliveryState, Webhook
from deployments.services import deliveries, webhooks
from hydra import outbound, signatures
from hydra.errors import Invalid
from orgs.models import SYSTEM, Event, Organization
from orgs.services import events
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Receiver:
    """A customer's server on loopback, which answers what it is told to."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]
    told = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def happen(org: Organization, verb: str = "deployment.ready") -> Event:
    event = events.record(
        org=org,
        by=SYSTEM,
        verb=verb,
        subject=events.Subject("deployment", "d_1", "api v1"),
        data={"deployment": {"id": "d_1", "status": "READY", "branch": "v1", "url": "http://x"}},
    )
    events.number_events()
    return event


def attempt(delivery: Delivery) -> Delivery:
    claim = deliveries.claim_delivery(delivery.pk)
    assert claim is not None
    deliveries.attempt_delivery(delivery.pk, claim)
    delivery.refresh_from_db()
    return delivery


def make_due(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=Now() - timedelta(seconds=1))


def test_an_event_becomes_one_delivery_for_each_webhook_that_wants_it() -> None:
    org, other = factories.make_org(), factories.make_org()
    wants_all, _ = factories.make_webhook(org)
    wants_this, _ = factories.make_webhook(org, verbs=["deployment.ready"])
    factories.make_webhook(org, verbs=["deployment.failed"])
    factories.make_webhook(org, disabled_at=timezone.now())
    factories.make_webhook(other)
    event = happen(org)

    webhooks.fan_out()
    webhooks.fan_out()

    made = Delivery.objects.filter(event=event).order_by("webhook")
    assert [d.webhook for d in made] == [wants_all, wants_this]
    event.refresh_from_db()
    assert not event.needs_fanout


def test_events_are_numbered_by_organization_without_gaps_and_the_body_says_the_number() -> None:
    org, other = factories.make_org(), factories.make_org()
    factories.make_webhook(org)
    made = [happen(org), happen(other), happen(org)]

    webhooks.fan_out()

    for one in (org, other):
        numbers = Event.objects.in_org(one).order_by("sequence").values_list("sequence", flat=True)
        assert list(numbers) == list(range(1, len(numbers) + 1))
    made[2].refresh_from_db()
    newest = Delivery.objects.get(event=made[2])
    assert json.loads(bytes(newest.body))["sequence"] == made[2].sequence


def test_both_signatures_verify_and_the_body_is_the_seeds(receiver: Receiver) -> None:
    org = factories.make_org()
    _, secret = factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()

    delivery = attempt(Delivery.objects.get())

    assert delivery.state == DeliveryState.SUCCEEDED
    ((headers, body),) = receiver.got
    shown = json.loads(body)
    assert shown["event"] == headers["x-hydra-event"] == "deployment.ready"
    assert shown["deployment"] == {
        "id": "d_1",
        "status": "READY",
        "branch": "v1",
        "url": "http://x",
    }
    assert headers["x-hydra-delivery"] == headers["webhook-id"] == delivery.uid
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hydra-signature"] == f"sha256={mac}"
    signatures.verify_standard(body, received=headers, secret=secret)


def test_the_prefix_of_the_headers_can_be_another_systems(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url, header_prefix="X-Deploxa")
    happen(org)
    webhooks.fan_out()

    attempt(Delivery.objects.get())

    ((headers, _),) = receiver.got
    assert headers["x-deploxa-event"] == "deployment.ready"
    assert headers["x-deploxa-signature"].startswith("sha256=")


def test_a_failed_attempt_is_tried_again_with_the_same_id_and_body(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()
    receiver.status = 500

    delivery = attempt(Delivery.objects.get())

    assert delivery.state == DeliveryState.PENDING
    wait = (delivery.next_attempt_at - timezone.now()).total_seconds()
    assert 3 < wait < 7
    receiver.status = 204
    make_due(delivery)
    assert attempt(delivery).state == DeliveryState.SUCCEEDED
    first, second = receiver.got
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert [(a.number, a.status) for a in Attempt.objects.all()] == [(1, 500), (2, 204)]


def test_after_the_last_retry_it_has_failed(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()
    receiver.status = 500
    delivery = Delivery.objects.get()

    for _ in range(len(deliveries.RETRY_SECONDS) + 1):
        make_due(delivery)
        delivery = attempt(delivery)

    assert delivery.state == DeliveryState.FAILED
    assert len(receiver.got) == len(deliveries.RETRY_SECONDS) + 1


def test_gone_disables_the_webhook_and_skips_what_waits(receiver: Receiver) -> None:
    org = factories.make_org()
    webhook, _ = factories.make_webhook(org, receiver.url)
    happen(org)
    happen(org, "deployment.failed")
    webhooks.fan_out()
    receiver.status = 410
    first, second = Delivery.objects.order_by("pk")

    attempt(first)

    webhook.refresh_from_db()
    second.refresh_from_db()
    assert webhook.disabled_reason == "The receiver answered 410 Gone."
    assert second.state == DeliveryState.SKIPPED


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()
    receiver.status, receiver.headers = 302, {"Location": receiver.url}

    delivery = attempt(Delivery.objects.get())

    assert delivery.state == DeliveryState.PENDING
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("8", 8, 8), ("3600", 10, 10), ("1", 5, 5), ("garbage", 4, 6), ("-5", 4, 6), ("", 4, 6)],
)
def test_retry_after_is_honoured_up_to_twice_the_plan(
    header: str, least: float, most: float
) -> None:
    assert least <= deliveries.seconds_to_wait(1, retry_after=header) <= most


def test_five_days_of_nothing_but_failure_disable_a_webhook(receiver: Receiver) -> None:
    org = factories.make_org()
    webhook, _ = factories.make_webhook(org, receiver.url)
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=Now() - timedelta(days=6))
    happen(org)
    webhooks.fan_out()
    receiver.status = 503

    attempt(Delivery.objects.get())

    webhook.refresh_from_db()
    assert webhook.disabled_at is not None


def test_a_claim_that_was_overtaken_changes_nothing(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()
    delivery = Delivery.objects.get()
    assert deliveries.claim_delivery(delivery.pk) is not None
    assert deliveries.claim_delivery(delivery.pk) is None

    deliveries.record_end(delivery, uuid4(), DeliveryState.FAILED, "late")

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING


def test_a_claim_whose_worker_died_comes_due_again(receiver: Receiver) -> None:
    org = factories.make_org()
    factories.make_webhook(org, receiver.url)
    happen(org)
    webhooks.fan_out()
    delivery = Delivery.objects.get()
    deliveries.claim_delivery(delivery.pk)

    make_due(delivery)

    assert attempt(delivery).state == DeliveryState.SUCCEEDED
    assert delivery.attempts_made == 2


def test_a_dead_receiver_has_a_few_slots_and_no_more() -> None:
    org = factories.make_org()
    slow, _ = factories.make_webhook(org)
    quick, _ = factories.make_webhook(org)
    for _ in range(10):
        happen(org)
    webhooks.fan_out()
    sender = deliveries.Sender()
    sender.in_flight[slow.pk] = deliveries.PER_WEBHOOK

    chosen = sender.choose()

    assert {webhook_id for _, webhook_id in chosen} == {quick.pk}
    assert len(chosen) == deliveries.PER_WEBHOOK
    sender.pool.shutdown()


def test_an_address_that_is_never_allowed_is_refused_when_it_is_saved() -> None:
    org = factories.make_org()

    with pytest.raises(outbound.Blocked):
        webhooks.create_webhook(org, url="http://169.254.169.254/latest/meta-data/", by=SYSTEM)

    assert not Webhook.objects.exists()


def test_an_event_that_does_not_exist_is_refused_with_those_that_do() -> None:
    org = factories.make_org()

    with pytest.raises(Invalid, match=r"There is no event deployment\.exploded") as refused:
        webhooks.create_webhook(
            org, url="https://receiver.example/", verbs=["deployment.exploded"], by=SYSTEM
        )

    assert "deployment.ready" in refused.value.details[0]["fix"]
