"""Agents ask the app below them to be told when an organization ends."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Organizations end in `orgs`, which cannot know agents; so it is told whom to tell."""
        from agents import services  # noqa: PLC0415  # models are loaded only now
        from orgs.services.deletion import tell_of_deletion  # noqa: PLC0415

        tell_of_deletion(services.wake_all_of)
