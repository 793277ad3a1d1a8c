"""Credentials for programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from orgs.models.organizations import Organization
from orgs.models.users import User

FIRST_WARNING_DAYS, LAST_WARNING_DAYS = 14, 3
SOON = timedelta(days=FIRST_WARNING_DAYS)


def new_api_key_uid() -> str:
    return keys.new_uid("key")


def new_token_uid() -> str:
    return keys.new_uid("tok")


class CredentialState(models.TextChoices):
    """What a credential is good for right now; it follows from its times, and is stored nowhere."""

    LIVE = "live", "Live"
    ENDING = "ending", "Ends soon"
    EXPIRED = "expired", "Expired"
    REPLACED = "replaced", "Replaced"
    REVOKED = "revoked", "Revoked"


CredentialT = TypeVar("CredentialT", bound="Credential")


class CredentialQuerySet(models.QuerySet[CredentialT]):
    def live(self, at: datetime | None = None) -> Self:
        """Those that let somebody in at that time: now, unless another is named."""
        at = at or timezone.now()
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)

    def in_state(self, state: str) -> Self:
        """Those whose `state` is this one."""
        now = timezone.now()
        over, replaced = Q(expires_at__lte=now), Q(replaced_by__isnull=False)
        soon = Q(expires_at__lte=now + SOON) | replaced
        known = {
            CredentialState.LIVE: Q(revoked_at=None, replaced_by=None)
            & (Q(expires_at=None) | Q(expires_at__gt=now + SOON)),
            CredentialState.ENDING: Q(revoked_at=None, expires_at__gt=now) & soon,
            CredentialState.EXPIRED: Q(revoked_at=None, replaced_by=None) & over,
            CredentialState.REPLACED: Q(revoked_at=None) & over & replaced,
            CredentialState.REVOKED: Q(revoked_at__isnull=False),
        }
        return self.filter(known[CredentialState(state)])

    def to_warn_of(self, at: datetime) -> Self:
        """Those whose end comes near and whose holders have not been told, the nearest first.

        Who is told of the last days needs not be told of the first ones any more.
        """
        last = Q(expires_at__lte=at + timedelta(days=LAST_WARNING_DAYS))
        told_first = Q(warned_days=FIRST_WARNING_DAYS)
        unclaimed = Q(warning_claimed_until=None) | Q(warning_claimed_until__lte=at)
        return (
            self.filter(unclaimed, revoked_at=None, expires_at__gt=at, expires_at__lte=at + SOON)
            .filter(Q(warned_days=None) | told_first & last)
            .order_by("expires_at", "pk")
        )

    def touch(self, pk: int) -> None:
        """Remember that it was used, at most once a minute."""
        stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
        self.filter(stale, pk=pk).update(last_used_at=Now())


class Credential(models.Model):
    """What keys and personal tokens have in common: known only by a digest, ending for good.

    A revoked one never comes back, and one that is replaced has an end.
    """

    replaced_by_id: int | None  # Django's, which the type checker misses here

    uid = models.CharField("ID", max_length=40, unique=True, editable=False)
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
        null=True, help_text="14 or 3: no warning so many days before the end is still to be sent"
    )
    warning_claimed_until = models.DateTimeField(
        null=True, help_text="Somebody is sending the warning; later, anybody may"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> CredentialState:
        now = timezone.now()
        if self.revoked_at is not None:
            return CredentialState.REVOKED
        is_replaced = self.replaced_by_id is not None
        if self.expires_at is not None and self.expires_at <= now:
            return CredentialState.REPLACED if is_replaced else CredentialState.EXPIRED
        if is_replaced or (self.expires_at is not None and self.expires_at <= now + SOON):
            return CredentialState.ENDING
        return CredentialState.LIVE

    @property
    def is_rotatable(self) -> bool:
        return self.revoked_at is None and self.replaced_by_id is None

    @property
    def shown(self) -> str:
        """Enough of it for its owner to recognize it."""
        return f"{self.shown_prefix}…{self.last_four}"


def truths_of(noun: str) -> list[models.BaseConstraint]:
    """What is true of every credential, as constraints of the table whose rows are this."""
    warnings = (FIRST_WARNING_DAYS, LAST_WARNING_DAYS)
    return [
        models.CheckConstraint(condition=~Q(name=""), name=f"{noun}_has_name"),
        models.CheckConstraint(
            condition=Q(replaced_by=None) | Q(expires_at__isnull=False),
            name=f"{noun}_replaced_has_an_end",
        ),
        models.CheckConstraint(
            condition=Q(warned_days=None) | Q(warned_days__in=warnings),
            name=f"{noun}_warning_known",
        ),
    ]


def index_of_endings(name: str) -> models.Index:
    """Serves `to_warn_of`."""
    ends = Q(revoked_at=None, expires_at__isnull=False)
    return models.Index(fields=["expires_at"], condition=ends, name=name)


class ApiKeyQuerySet(CredentialQuerySet["ApiKey"]):
    def in_org(self, org: Organization) -> Self:
        return self.filter(org=org)

    def with_names(self) -> Self:
        return self.select_related("created_by", "org", "replaced_by")

    def search(self, words: str) -> Self:
        """By its name, its maker's, or what is shown of the key itself."""
        return self.filter(
            Q(name__icontains=words)
            | Q(created_by__name__icontains=words)
            | Q(shown_prefix__startswith=words)
            | Q(last_four=words)
        )


class ApiKey(Credential):
    """An organization's credential for programs.

    It never has more rights than the role that its creator has now.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_api_key_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="api_keys", verbose_name="organization"
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["org", "-id"], name="api_key_list"),
            index_of_endings("api_key_to_warn_of"),
        ]
        constraints = truths_of("api_key")


class PersonalTokenQuerySet(CredentialQuerySet["PersonalToken"]):
    def of(self, user: User | int) -> Self:
        return self.filter(user=user)

    def with_names(self) -> Self:
        return self.select_related("user", "replaced_by")

    def search(self, words: str) -> Self:
        """By its name, or what is shown of the token itself."""
        return self.filter(
            Q(name__icontains=words) | Q(shown_prefix__startswith=words) | Q(last_four=words)
        )


class PersonalToken(Credential):
    """A person's own credential for programs.

    It acts as that person, with the role of the moment in each of their organizations.
    """

    uid = models.CharField("ID", max_length=40, unique=True, default=new_token_uid, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")

    objects = PersonalTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["user", "-id"], name="token_list"),
            index_of_endings("token_to_warn_of"),
        ]
        constraints = truths_of("token")
