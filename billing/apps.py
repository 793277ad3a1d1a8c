"""Billing hangs its question about room for members into the app below it."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Joining happens in `orgs`, which cannot know plans; so it is told whom to ask."""
        from billing import services  # noqa: PLC0415  # models are loaded only now
        from orgs.services import memberships  # noqa: PLC0415

        memberships.ask_before_joining(services.require_can_add_member)
