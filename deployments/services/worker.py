"""What runs without being asked: the outbox, deliveries, sweeps. Hints only make it sooner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from agents import services as agents_services
from deployments.services import sweeps, webhooks
from deployments.services.deliveries import Sender
from hydra import hints
from orgs.models import BrowserSession
from orgs.services import audits, endings, events, failures, idempotency, seals

log = structlog.get_logger(__name__)

SEND_SECONDS = 20.0
# A burst of hints is one run, and comes when those who gave them have what they wait for: each
# step of a deployment writes an event, and the worker would run beside all of them.
GATHER_SECONDS = 0.25


@cache
def sender() -> Sender:
    """One pool of threads per process, made at the first delivery and not before a fork."""
    return Sender()


def send_deliveries() -> int:
    return sender().run(seconds=SEND_SECONDS)


def number_all() -> int:
    return in_batches(events.number_events, events.NUMBER_BATCH)


def seal_all() -> int:
    return in_batches(seals.seal_events, seals.SEAL_BATCH)


def fan_out_all() -> int:
    return in_batches(webhooks.fan_out, webhooks.FAN_OUT_BATCH)


def in_batches(work: Callable[[], int], batch: int) -> int:
    """Work until less than a whole batch was left; what another worker took is that one's."""
    total = count = work()
    while count >= batch:
        total += (count := work())
    return total


def forget_answers() -> int:
    return in_batches(idempotency.forget_old, idempotency.FORGOTTEN_AT_ONCE)


def forget_sessions() -> int:
    """Of browsers that did not come back."""
    return BrowserSession.objects.over().delete()[0]


KINDS: dict[str, tuple[Callable[[], int], ...]] = {
    "events": (number_all, fan_out_all),
    "deliveries": (send_deliveries,),
    "jobs": (sweeps.lapse_offers, sweeps.lapse_leases, sweeps.skip_departed),
    "queues": (sweeps.make_due, sweeps.expire, sweeps.unstick, sweeps.evaluate_versions),
    "audit": (seal_all, audits.verify_due),
    "housekeeping": (
        agents_services.mark_offline,
        forget_answers,
        forget_sessions,
        failures.tell_failures,
    ),
    "mails": (endings.warn_of_endings,),
}
# Of those that may wait longer: how many times as long.
PATIENCE = {"housekeeping": 5, "mails": 60}


def run_due(kind: str) -> int:
    """Do what is due of one kind. Anybody may, at any time, also at once: rows are claimed."""
    return sum(work() for work in KINDS[kind])


class Worker:
    """Runs every kind in a thread of its own, at hints and at the latest every few seconds.

    In full mode Celery hears the hints, and this is only the sweep that goes on without Redis.

    A database that is away is waited for. Anything else that goes wrong is a bug: it ends the
    thread, is logged with its trace, and the thread is started again.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.wakes = {kind: threading.Event() for kind in KINDS}
        self.threads: dict[str, threading.Thread] = {}
        self.unlisten: Callable[[], None] | None = None
        self.keeper = threading.Thread(target=self.keep, name="worker-keeper", daemon=True)

    def start(self) -> None:
        if settings.HYDRA_EMBEDDED:
            self.unlisten = hints.listen(self.hear)
        self.keeper.start()

    def stop(self) -> None:
        self.stopping.set()
        for wake in self.wakes.values():
            wake.set()
        if self.unlisten is not None:
            self.unlisten()
        self.keeper.join(timeout=2)

    def hear(self, channel: str, key: str) -> None:
        if channel == hints.WORKER and key in self.wakes:
            self.wakes[key].set()
        elif channel == hints.EVERYTHING:
            for wake in self.wakes.values():
                wake.set()

    def keep(self) -> None:
        """Whoever starts was away before, and agents could not renew; then keep every thread."""
        try:
            sweeps.extend_leases()
        except DatabaseError as error:
            log.warning("leases are not extended", error=str(error))
        while not self.stopping.is_set():
            for kind in KINDS:
                thread = self.threads.get(kind)
                if thread is None or not thread.is_alive():
                    thread = threading.Thread(
                        target=self.repeat, args=[kind], name=f"worker-{kind}", daemon=True
                    )
                    self.threads[kind] = thread
                    thread.start()
            self.stopping.wait(1)

    def repeat(self, kind: str) -> None:
        interval = settings.HYDRA_SWEEP_SECONDS * PATIENCE.get(kind, 1)
        while not self.stopping.is_set():
            self.wakes[kind].clear()
            try:
                run_due(kind)
            except DatabaseError as error:
                log.warning("worker waits for the database", kind=kind, error=str(error))
                close_old_connections()
            if self.wakes[kind].wait(interval):
                self.stopping.wait(GATHER_SECONDS)
