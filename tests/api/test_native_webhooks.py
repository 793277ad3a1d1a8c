"""Webhooks and their deliveries, as the native face shows and takes them."""

from __future__ import annotations

import pytest

from deployments.models import Webhook
from orgs.models import Organization
from tests import factories
from tests.api.client import Api, read, timeless


def test_a_webhooks_secret_is_shown_when_it_is_created_and_never_again(api: Api) -> None:
    body = {"url": "https://ci.example.com/hydra", "events": ["deployment.ready"]}

    created = read(api.post("/api/v1/webhooks", body), 201)["data"]
    listed = read(api.get("/api/v1/webhooks"))["data"]

    secret = created.pop("secret")
    assert secret == Webhook.objects.get().open_secret()
    assert listed == [created]
    assert timeless(created) == {
        **body,
        "id": Webhook.objects.get().uid,
        "name": "",
        "header_prefix": "X-Hydra",
        "enabled": True,
        "disabled_reason": "",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "http://127.0.0.1:6379/"},
        {"url": "ftp://example.com/"},
        {"url": "https://example.com/", "events": ["nothing.happened"]},
        {"url": "https://example.com/", "header_prefix": "X-Evil\r\nSet-Cookie"},
    ],
)
def test_a_webhook_to_a_forbidden_place_or_for_no_event_is_400(api: Api, body: object) -> None:
    assert api.post("/api/v1/webhooks", body).status_code == 400
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_with_their_attempts(api: Api, northwind: Organization) -> None:
    webhook, _ = factories.make_webhook(northwind)

    assert read(api.get(f"/api/v1/webhooks/{webhook.uid}/deliveries"))["data"] == []
