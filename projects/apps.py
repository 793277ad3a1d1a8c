"""Projects tell the app below them what keys may be limited to."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keys are made in `orgs`, which cannot know projects; so it is told whom to ask."""
        from orgs.services import scopes  # noqa: PLC0415  # models are loaded only now
        from projects.services import key_scopes  # noqa: PLC0415

        scopes.offer("project", key_scopes.projects_of)
        scopes.offer("application", key_scopes.applications_of)
