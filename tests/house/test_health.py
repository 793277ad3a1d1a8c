"""What machines may ask: alive, ready, metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from agents.models import Presence
from deployments.models import State, Tick
from orgs.models import Organization
from tests import factories


def test_alive_asks_nothing(
    client: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


def test_ready_when_migrated_and_the_worker_is_heard(client: Client, db: None) -> None:
    Tick.objects.create(name="leases")
    Tick.objects.create(name="old", last_at=timezone.now() - timedelta(days=1))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    told = answer.json()
    assert told["checks"] == {"database": True, "migrations": True}
    assert told["worker"]["is_heard"] is True
    assert told["worker"]["silent_for_seconds"] < 30


def test_a_silent_worker_is_told_and_pages_go_on(client: Client, db: None) -> None:
    Tick.objects.create(name="leases", last_at=timezone.now() - timedelta(minutes=5))

    told = client.get("/readyz")

    assert told.status_code == 200
    assert told.json()["worker"]["is_heard"] is False


def test_metrics_count_what_is_to_be_done(client: Client, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place, State.QUEUED)
    factories.make_deployment(place, State.QUEUED)
    factories.make_deployment(place, State.RUNNING)
    factories.make_deployment(place, State.SUCCEEDED)
    factories.make_agent(northwind, presence=Presence.ONLINE)
    Tick.objects.create(name="leases")

    answer = client.get("/metrics")

    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/plain")
    assert 'hydra_deployments{state="queued"} 2.0' in text
    assert 'hydra_deployments{state="running"} 1.0' in text
    assert "succeeded" not in text
    assert 'hydra_agents{presence="online"} 1.0' in text
    assert 'hydra_tick_age_seconds{name="leases"}' in text


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("8.8.8.8", 404)])
def test_metrics_are_for_near_machines(client: Client, db: None, address: str, status: int) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer right", 200), ("Bearer wrong", 404), ("", 404)]
)
def test_a_token_is_asked_for_when_one_is_set(
    client: Client, db: None, settings: Settings, header: str, status: int
) -> None:
    settings.HYDRA_METRICS_TOKEN = "right"

    assert client.get("/metrics", headers={"Authorization": header}).status_code == status
