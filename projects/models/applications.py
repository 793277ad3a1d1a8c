"""Deployable components and their base config files."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from hydra import keys
from orgs.models import Icon, Organization

MOVING_NAMES = "main|master|trunk|develop|latest|nightly|edge"


def new_application_uid() -> str:
    return keys.new_uid("app")


def new_config_file_uid() -> str:
    return keys.new_uid("cfg")


class FileType(models.TextChoices):
    JSON = "JSON", "JSON"
    XML = "XML", "XML"
    DOTENV = "DOTENV", "DOTENV"
    TXT = "TXT", "TXT"


class ApplicationQuerySet(models.QuerySet["Application"]):
    def in_org(self, org: Organization) -> ApplicationQuerySet:
        return self.filter(org=org)

    def with_icon(self) -> ApplicationQuerySet:
        """With the address of its picture, not the picture."""
        return self.select_related("icon", "org").defer("icon__png")


class Application(models.Model):
    """One deployable component: its versions, config files, deploy script and steps.

    `rules_revision` rises whenever a rule for this application changes, so that compiled rules
    may be kept in memory as long as the row says that they are still these.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_application_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="applications", verbose_name="organization"
    )
    name = models.CharField(max_length=100)
    code = models.CharField(max_length=60)
    description = models.TextField(blank=True, max_length=2000)
    icon = models.ForeignKey(Icon, models.SET_NULL, null=True, blank=True, related_name="+")
    deploy_script = models.TextField(blank=True)
    moving_names = models.CharField(
        max_length=500,
        default=MOVING_NAMES,
        blank=True,
        help_text="RE2 pattern of names that are built again and again, such as branches",
    )
    rules_revision = models.BigIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["org", "code"], name="application_code_once_per_org"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(code=""), name="application_has_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ConfigFile(models.Model):
    """A base file of an application.

    Several rows may share a name as variants: the first whose `version_pattern` matches the
    version is used; the one without a pattern is the default.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_config_file_uid, editable=False
    )
    application = models.ForeignKey(Application, models.CASCADE, related_name="config_files")
    name = models.CharField(max_length=200, help_text="Relative path, such as conf/app.env")
    file_type = models.CharField(max_length=6, choices=FileType)
    content = models.TextField(blank=True)
    version_pattern = models.CharField(max_length=500, blank=True)
    position = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name", "position", "pk"]
        constraints = [
            # On Windows App.env and app.env are one file.
            models.UniqueConstraint(
                "application",
                Lower("name"),
                "version_pattern",
                name="config_file_one_per_name_and_pattern",
            ),
            models.CheckConstraint(
                condition=Q(file_type__in=FileType.values), name="config_file_type_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="config_file_has_name"),
        ]

    def __str__(self) -> str:
        return self.name
