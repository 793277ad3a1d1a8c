"""What machines ask about the installation: alive, ready, and how much of what there is."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from agents.models import Agent
from deployments.models import ACTIVE, WAITING, Delivery, DeliveryState, Deployment, Job, Tick
from deployments.models.jobs import JOB_FINISHED
from orgs.access import address_of
from orgs.models import Event

WORKER_SILENCE_SECONDS = 60

# Migrations are applied before a process starts; once they were seen to be, that stays so.
_seen: dict[str, bool] = {}


@require_safe
@never_cache
@login_not_required
def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers. It asks nothing else, so that no outage elsewhere restarts it."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def ready(_request: HttpRequest) -> HttpResponse:
    """503 until the database answers and is migrated.

    A silent worker is told and does not count: pages and API work without it, only nothing moves.
    """
    try:
        checks = {"database": True, "migrations": is_migrated()}
        silence = worker_silence()
    except DatabaseError:
        checks, silence = {"database": False, "migrations": False}, None
    body = {
        "ready": all(checks.values()),
        "checks": checks,
        "worker": {
            "is_heard": silence is not None and silence < WORKER_SILENCE_SECONDS,
            "silent_for_seconds": silence,
        },
    }
    status = HTTPStatus.OK if body["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(body, status=status)


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' format. With HYDRA_METRICS_TOKEN for its bearer, else for near machines alone."""
    if not may_scrape(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_scrape(request: HttpRequest) -> bool:
    token: str = settings.HYDRA_METRICS_TOKEN
    if token:
        offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(offered.encode(), token.encode())
    try:
        return ip_address(address_of(request)).is_private
    except ValueError:
        return False


class Rows(Collector):
    """Counts of rows that are still to be done, each served by a partial index."""

    def collect(self) -> Iterator[Metric]:
        yield by_label(
            "hydra_deployments",
            "Deployments that are not finished.",
            "state",
            Deployment.objects.filter(state__in=[*WAITING, *ACTIVE]),
        )
        yield by_label(
            "hydra_jobs",
            "Jobs that are not finished.",
            "state",
            Job.objects.exclude(state__in=JOB_FINISHED),
        )
        yield by_label("hydra_agents", "Agents.", "presence", Agent.objects.live())
        yield GaugeMetricFamily(
            "hydra_events_to_fan_out",
            "Events that webhooks have not yet been asked about.",
            value=Event.objects.to_fan_out().count(),
        )
        yield GaugeMetricFamily(
            "hydra_deliveries_pending",
            "Webhook deliveries that have not ended.",
            value=Delivery.objects.filter(state=DeliveryState.PENDING).count(),
        )
        silence = GaugeMetricFamily(
            "hydra_tick_age_seconds", "Since periodic work of this kind last ran.", labels=["name"]
        )
        for tick in Tick.objects.all():
            silence.add_metric([tick.name], (timezone.now() - tick.last_at).total_seconds())
        yield silence


def by_label(name: str, help_text: str, column: str, rows: QuerySet[Any]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[column])
    for value, count in rows.order_by().values_list(column).annotate(Count("pk")):
        family.add_metric([value], count)
    return family


def is_migrated() -> bool:
    if not _seen.get("migrated"):
        executor = MigrationExecutor(connection)
        _seen["migrated"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return _seen["migrated"]


def worker_silence() -> float | None:
    """Seconds since any periodic work last ran; None if it never did."""
    last = Tick.objects.order_by("-last_at").values_list("last_at", flat=True).first()
    return None if last is None else round((timezone.now() - last).total_seconds(), 1)
