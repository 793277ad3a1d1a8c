"""Agents and their presence."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from hydra import keys
from orgs.models import Organization


def new_agent_uid() -> str:
    return keys.new_uid("agt")


class Presence(models.TextChoices):
    NEVER = "never", "Never seen"
    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"


class AgentQuerySet(models.QuerySet["Agent"]):
    def in_org(self, org: Organization) -> AgentQuerySet:
        return self.filter(org=org)

    def live(self) -> AgentQuerySet:
        return self.filter(revoked_at=None)

    def with_uses(self) -> AgentQuerySet:
        """With the projects and environments they serve, for lists."""
        return self.prefetch_related("uses__project", "uses__environment")


class Agent(models.Model):
    """A program on a server that takes jobs. Its newest session is the only one heard."""

    uid = models.CharField("ID", max_length=40, unique=True, default=new_agent_uid, editable=False)
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="agents", verbose_name="organization"
    )
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=20)
    last_four = models.CharField(max_length=4)
    presence = models.CharField(max_length=8, choices=Presence, default=Presence.NEVER)
    session = models.UUIDField(null=True)
    session_started_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    version = models.CharField(max_length=40, blank=True)
    platform = models.CharField(max_length=100, blank=True)
    hostname = models.CharField(max_length=255, blank=True)
    policy = models.JSONField(default=dict)
    max_jobs = models.PositiveSmallIntegerField(default=4)
    is_draining = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        indexes = [
            models.Index(
                fields=["last_seen_at"], condition=Q(presence="online"), name="agent_to_watch"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                "org",
                Lower("name"),
                condition=Q(revoked_at=None),
                name="agent_name_once_per_org",
            ),
            models.CheckConstraint(
                condition=Q(presence__in=Presence.values), name="agent_presence_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="agent_has_name"),
        ]

    def __str__(self) -> str:
        return self.name
