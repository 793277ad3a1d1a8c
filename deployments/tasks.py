"""Celery's only task: look at the table now."""

from celery import shared_task

from deployments.services import worker


@shared_task(name="hydra.run_due")
def run_due(kind: str) -> None:
    worker.run_due(kind)
