"""The house itself as an app: it brings the cache table, and every process its Celery."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class HydraConfig(AppConfig):
    name = "hydra"
    default = True

    def ready(self) -> None:
        """Tasks are published through whatever app is the default once Django is ready; and the
        log is told where what it tells of can be seen.
        """
        from hydra import celery as celery  # noqa: PLC0415  # it reads the finished settings
        from hydra import subjects  # noqa: PLC0415  # models are loaded only now
        from orgs.services.subjects import find_by  # noqa: PLC0415

        find_by(subjects.FINDERS)


class AdministrationConfig(admin.AdminConfig):
    """Django's admin behind our gate."""

    default = False
    default_site = "hydra.administration.Site"
