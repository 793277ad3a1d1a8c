"""Deployments hang their question about departures into the app below them."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Projects change in `projects`, which cannot know deployments; it is told whom to ask."""
        from deployments.services.departures import (  # noqa: PLC0415  # models are loaded only now
            require_nothing_under_way,
        )
        from projects.services.departures import ask_before_departure  # noqa: PLC0415

        ask_before_departure(require_nothing_under_way)
