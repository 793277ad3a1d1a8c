"""Credentials for programs."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from orgs.models.organizations import Organization
from orgs.models.users import User

SOON = timedelta(days=14)


def new_api_key_uid() -> str:
    return keys.new_uid("key")


def new_token_uid() -> str:
    return keys.new_uid("tok")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def in_org(self, org: Organization) -> ApiKeyQuerySet:
        return self.filter(org=org)

    def live(self) -> ApiKeyQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)

    def with_names(self) -> ApiKeyQuerySet:
        return self.select_related("created_by")

    def touch(self, pk: int) -> None:
        """Remember that the key was used, at most once a minute."""
        stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
        self.filter(stale, pk=pk).update(last_used_at=Now())


class ApiKey(models.Model):
    """An organization's credential for programs, known only by its digest.

    It never has more rights than the role that its creator has now.
    """

    uid = models.CharField(max_length=40, unique=True, default=new_api_key_uid, editable=False)
    org = models.ForeignKey(Organization, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=20)
    last_four = models.CharField(max_length=4)
    permissions = models.JSONField(default=list, help_text="Patterns {resource}.{scope}.{action}")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    replaced_by = models.OneToOneField(
        "self", models.SET_NULL, null=True, related_name="replaces", help_text="After a rotation"
    )
    warned_days = models.PositiveSmallIntegerField(
        null=True, help_text="Days before the end that its last warning was about: 14, then 3"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["org", "-id"], name="api_key_list"),
            models.Index(
                fields=["expires_at"],
                condition=Q(revoked_at=None, expires_at__isnull=False),
                name="api_key_to_warn_of",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="api_key_has_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def ends_soon(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now() + SOON


class PersonalTokenQuerySet(models.QuerySet["PersonalToken"]):
    def of(self, user: User) -> PersonalTokenQuerySet:
        return self.filter(user=user)

    def live(self) -> PersonalTokenQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)

    def touch(self, pk: int) -> None:
        """Remember that the token was used, at most once a minute."""
        stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
        self.filter(stale, pk=pk).update(last_used_at=Now())


class PersonalToken(models.Model):
    """A person's own credential for programs, known only by its digest.

    It acts as that person, with the role of the moment in each of their organizations.
    """

    uid = models.CharField(max_length=40, unique=True, default=new_token_uid, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=20)
    last_four = models.CharField(max_length=4)
    permissions = models.JSONField(default=list, help_text="Patterns {resource}.{scope}.{action}")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    replaced_by = models.OneToOneField(
        "self", models.SET_NULL, null=True, related_name="replaces", help_text="After a rotation"
    )
    warned_days = models.PositiveSmallIntegerField(
        null=True, help_text="Days before the end that its last warning was about: 14, then 3"
    )

    objects = PersonalTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["user", "-id"], name="token_list"),
            models.Index(
                fields=["expires_at"],
                condition=Q(revoked_at=None, expires_at__isnull=False),
                name="token_to_warn_of",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="token_has_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def ends_soon(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now() + SOON
