"""Deployments hang their questions about departures into the apps below them."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What cannot know deployments is told whom to ask."""
        from deployments.services import departures  # noqa: PLC0415  # models are loaded only now
        from orgs.services.deletion import ask_before_deletion  # noqa: PLC0415
        from projects.services.departures import ask_before_departure  # noqa: PLC0415

        ask_before_departure(departures.require_nothing_under_way)
        ask_before_deletion(departures.require_nothing_running)
