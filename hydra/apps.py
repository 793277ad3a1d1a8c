"""The house itself as an app: it brings the cache table, and every process its Celery."""

from django.apps import AppConfig


class HydraConfig(AppConfig):
    name = "hydra"

    def ready(self) -> None:
        """Tasks are published through whatever app is the default once Django is ready."""
        from hydra import celery as celery  # noqa: PLC0415  # it reads the finished settings
