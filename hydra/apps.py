"""The house itself as an app: it brings the cache table, and every process its Celery."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class HydraConfig(AppConfig):
    name = "hydra"
    default = True

    def ready(self) -> None:
        """Tasks are published through whatever app is the default once Django is ready."""
        from hydra import celery as celery  # noqa: PLC0415  # it reads the finished settings


class AdministrationConfig(admin.AdminConfig):
    """Django's admin behind our gate."""

    default = False
    default_site = "hydra.administration.Site"
