"""Celery carries hints only: what is still to be done is a row, and every message may be lost.

So tasks are claims and not effects. They may run twice or never, nothing waits for their result,
and none has a countdown: what comes due later is a `due_at` column that a sweep reads.
"""

import os
from typing import Any

from celery import Celery, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")

# What the single task sweeps, by name; deployments.services.worker knows what each kind means.
KINDS = ("events", "deliveries", "jobs", "queues", "audit", "housekeeping", "mails")

VISIBILITY_SECONDS = 120  # longer than any task may run, or a slow task would be run again

app = Celery("hydra")
app.set_default()  # otherwise threads other than this one would publish through an app of AMQP
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://",
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        # Found by experiment: with the defaults a lost task comes back after 93 s, so after 5 s.
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "health_check_interval": 25,
        "socket_keepalive": True,
        "socket_timeout": 30,
        "socket_connect_timeout": 2,
        "retry_on_timeout": True,
    },
    result_backend_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    visibility_timeout=VISIBILITY_SECONDS,
    redis_backend_health_check_interval=25,
    redis_socket_keepalive=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure_or_timeout=True,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_time_limit=60,
    task_soft_time_limit=45,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_publish_retry=False,  # a hint that cannot be sent now is not worth a caller's time
    task_default_queue="hydra",
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=1000,
    worker_max_memory_per_child=300_000,  # KiB
    worker_soft_shutdown_timeout=30,  # REMAP_SIGTERM=SIGQUIT makes TERM use it (`hydra worker`)
    worker_enable_soft_shutdown_on_idle=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    enable_utc=True,
    timezone="UTC",
    # Beat only knocks; its own state is not kept, since the database knows what is due.
    beat_scheduler="celery.beat:Scheduler",
    beat_max_loop_interval=5,
    beat_schedule={
        f"sweep {kind}": {
            "task": "hydra.run_due",
            "schedule": settings.HYDRA_SWEEP_SECONDS,
            "args": [kind],
            # A knock that nobody heard is worth nothing once the next one came.
            "options": {"expires": 4 * settings.HYDRA_SWEEP_SECONDS},
        }
        for kind in KINDS
    },
)
app.autodiscover_tasks()


def note_consumption(**_: Any) -> None:
    """Leave a fresh file time behind: a worker may live on without consuming, and is then ill."""
    (settings.HYDRA_HOME / "worker.consumed").touch()


def note_publishing(**_: Any) -> None:
    (settings.HYDRA_HOME / "beat.published").touch()


def watch_publishing(**_: Any) -> None:
    """In beat alone: everybody publishes, but only beat has nothing else to do."""
    signals.after_task_publish.connect(note_publishing)


signals.task_postrun.connect(note_consumption)
signals.beat_init.connect(watch_publishing)
