"""Projects: which applications go where, on which servers, configured how."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.models import Agent
from hydra import keys, sealed
from orgs.models import Environment, Icon, Organization
from projects.models.applications import Application, ConfigFile


def new_project_uid() -> str:
    return keys.new_uid("prj")


def new_override_uid() -> str:
    return keys.new_uid("ovr")


class QueueMode(models.TextChoices):
    EVERY = "every", "Every deployment, first come first served"
    LATEST = "latest", "Latest only"


class Framework(models.TextChoices):
    """What Deploxa calls the frameworks it knows; Hydra keeps the word and does nothing with it."""

    NEXTJS = "NEXTJS", "Next.js"
    REACTJS = "REACTJS", "React"
    VITE = "VITE", "Vite"
    NODEJS = "NODEJS", "Node.js"


class AppType(models.TextChoices):
    STATIC = "STATIC", "Static"
    NODEJS = "NODEJS", "Node.js"


class ProjectQuerySet(models.QuerySet["Project"]):
    def in_org(self, org: Organization) -> ProjectQuerySet:
        return self.filter(org=org)

    def with_icon(self) -> ProjectQuerySet:
        """With the address of its picture, not the picture."""
        return self.select_related("icon", "org").defer("icon__png")


class Project(models.Model):
    """A set of applications with its own subset of environments, agents, overrides and rules."""

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_project_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="projects", verbose_name="organization"
    )
    name = models.CharField(max_length=100)
    code = models.CharField(max_length=60)
    description = models.TextField(blank=True, max_length=2000)
    icon = models.ForeignKey(Icon, models.SET_NULL, null=True, blank=True, related_name="+")
    framework = models.CharField(max_length=10, choices=Framework, blank=True)
    app_type = models.CharField(max_length=10, choices=AppType, blank=True)
    build_command = models.CharField(max_length=500, blank=True)
    install_command = models.CharField(max_length=500, blank=True)
    output_dir = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["org", "code"], name="project_code_once_per_org"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(code=""), name="project_has_name"),
            models.CheckConstraint(
                condition=Q(framework__in=["", *Framework.values]), name="project_framework_known"
            ),
            models.CheckConstraint(
                condition=Q(app_type__in=["", *AppType.values]), name="project_app_type_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectEnvironment(models.Model):
    """A project uses an environment, reachable at a URL, with a policy of its own."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="project_environments")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="uses")
    url = models.CharField("URL", max_length=500, blank=True)
    queue_mode = models.CharField(max_length=8, choices=QueueMode, default=QueueMode.EVERY)
    queue_limit_seconds = models.PositiveIntegerField(
        default=86_400, help_text="A deployment that waits longer expires."
    )

    class Meta:
        ordering = ["environment__position", "environment_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "environment"], name="project_environment_once"
            ),
            models.CheckConstraint(
                condition=Q(queue_mode__in=QueueMode.values),
                name="project_environment_queue_mode_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} in {self.environment}"


class ProjectApplication(models.Model):
    """A project contains an application."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="project_applications")
    application = models.ForeignKey(Application, models.PROTECT, related_name="uses")

    class Meta:
        ordering = ["application__name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "application"], name="project_application_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} in {self.project}"


class ProjectAgent(models.Model):
    """An agent takes a project's jobs, in one environment or (none named) in all of them."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="project_agents")
    agent = models.ForeignKey(Agent, models.CASCADE, related_name="uses")
    environment = models.ForeignKey(Environment, models.CASCADE, null=True, related_name="+")

    class Meta:
        ordering = ["agent__name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "agent", "environment"], name="project_agent_once"
            ),
            models.UniqueConstraint(
                fields=["project", "agent"],
                condition=Q(environment=None),
                name="project_agent_once_for_all_environments",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} for {self.project}"


class Override(models.Model):
    """What a project changes in a config file for one environment; encrypted at rest."""

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_override_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    project = models.ForeignKey(Project, models.CASCADE, related_name="overrides")
    config_file = models.ForeignKey(ConfigFile, models.CASCADE, related_name="overrides")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="+")
    content_sealed = models.BinaryField()
    is_sensitive = models.BooleanField(default=False)
    version_pattern = models.CharField(max_length=500, blank=True)
    updated_by_label = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "config_file", "environment", "version_pattern"],
                name="override_one_per_place_and_pattern",
            ),
        ]

    def __str__(self) -> str:
        return self.uid

    @property
    def binding(self) -> str:
        return f"override|{self.uid}|content|{self.org_id}"

    def seal_content(self, text: str) -> None:
        self.content_sealed = sealed.seal(text, bound_to=self.binding)

    def open_content(self) -> str:
        return sealed.open_text(bytes(self.content_sealed), bound_to=self.binding)
