"""Applications and projects, for site administrators to look at. What they hold is not shown."""

from __future__ import annotations

from django.contrib import admin

from hydra.staff import Listing
from projects.models import (
    Application,
    AutoDeployRule,
    ConfigFile,
    Override,
    Project,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
    Step,
    Variable,
    Version,
)

ORG_OR_ID = "An organization's address, or an id"
APPLICATION_OR_ID = "An application's id, or the row's own"
PROJECT = "A project's id"


@admin.register(Application)
class ApplicationListing(Listing):
    list_display = ("name", "code", "org", "created_at")
    search_fields = ("org", "uid", "code")
    search_help_text = "An organization's address, a code, or an id"


@admin.register(Version)
class VersionListing(Listing):
    list_display = ("name", "build", "application", "org", "blocked_reason", "created_at")
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(ConfigFile)
class ConfigFileListing(Listing):
    list_display = ("name", "file_type", "application", "updated_at")
    list_filter = ("file_type",)
    search_fields = ("uid", "application__uid")
    search_help_text = APPLICATION_OR_ID


@admin.register(Step)
class StepListing(Listing):
    list_display = ("name", "type", "application", "position", "timeout_seconds", "retries")
    list_filter = ("type",)
    search_fields = ("uid", "application__uid")
    search_help_text = APPLICATION_OR_ID


@admin.register(Project)
class ProjectListing(Listing):
    list_display = ("name", "code", "org", "created_at")
    search_fields = ("org", "uid", "code")
    search_help_text = "An organization's address, a code, or an id"


@admin.register(ProjectEnvironment)
class ProjectEnvironmentListing(Listing):
    list_display = ("project", "environment", "url", "queue_mode", "queue_limit_seconds")
    list_filter = ("queue_mode",)
    search_fields = ("project__uid",)
    search_help_text = PROJECT


@admin.register(ProjectApplication)
class ProjectApplicationListing(Listing):
    list_display = ("project", "application")
    search_fields = ("project__uid", "application__uid")
    search_help_text = "The id of a project or an application"


@admin.register(ProjectAgent)
class ProjectAgentListing(Listing):
    list_display = ("project", "agent", "environment")
    search_fields = ("project__uid", "agent__uid")
    search_help_text = "The id of a project or an agent"


@admin.register(Override)
class OverrideListing(Listing):
    list_display = ("config_file", "project", "environment", "org", "is_sensitive", "updated_at")
    list_filter = ("is_sensitive",)
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(Variable)
class VariableListing(Listing):
    list_display = ("key", "org", "project", "environment", "is_sensitive", "updated_at")
    list_filter = ("is_sensitive",)
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID


@admin.register(AutoDeployRule)
class AutoDeployRuleListing(Listing):
    list_display = ("project", "application", "environment", "strategy", "pattern", "is_enabled")
    list_filter = ("strategy", "is_enabled")
    search_fields = ("org", "uid")
    search_help_text = ORG_OR_ID
