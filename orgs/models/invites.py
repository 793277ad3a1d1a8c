"""The right to join, as a code."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now

from hydra import keys
from orgs.models.organizations import Membership, Organization, Role
from orgs.models.users import User


def new_invite_uid() -> str:
    return keys.new_uid("inv")


class InviteState(models.TextChoices):
    """What has become of a code. Only an open one lets anybody in."""

    OPEN = "open", "Open"
    USED = "used", "Used"
    REVOKED = "revoked", "Revoked"
    EXPIRED = "expired", "Expired"
    VOID = "void", "Void"


def creator_may_give() -> Q:
    """Whether the creator is still there, and not locked out, to give such a role."""
    creator = Membership.objects.filter(
        org=OuterRef("org"), user=OuterRef("created_by"), user__is_active=True
    )
    by_owner = Q(Exists(creator.filter(role=Role.OWNER)))
    by_manager = Q(Exists(creator.filter(role=Role.MANAGER))) & ~Q(role=Role.OWNER)
    return by_owner | by_manager


def what_became() -> dict[str, Any]:
    creator = Membership.objects.filter(org=OuterRef("org"), user=OuterRef("created_by"))
    state = Case(
        When(used_at__isnull=False, then=Value(InviteState.USED)),
        When(revoked_at__isnull=False, then=Value(InviteState.REVOKED)),
        When(expires_at__lte=Now(), then=Value(InviteState.EXPIRED)),
        When(creator_may_give(), then=Value(InviteState.OPEN)),
        default=Value(InviteState.VOID),
        output_field=models.CharField(),
    )
    return {"creator_role": Subquery(creator.values("role")[:1]), "state": state}


class InviteCodeQuerySet(models.QuerySet["InviteCode"]):
    def in_org(self, org: Organization) -> InviteCodeQuerySet:
        return self.filter(org=org)

    def redeemable(self) -> InviteCodeQuerySet:
        """Not used, revoked or expired, and not void."""
        return self.filter(creator_may_give(), used_at=None, revoked_at=None, expires_at__gt=Now())

    def with_state(self) -> InviteCodeQuerySet:
        """With `state`, and `creator_role`, which is None when the creator has left."""
        return self.annotate(**what_became())

    def in_state(self, state: str) -> InviteCodeQuerySet:
        return self.with_state().filter(Q(("state", state)))

    def called(self, text: str) -> InviteCodeQuerySet:
        """Those whose beginning is `text`, or whose giver or user has it in name or address."""
        by = Q(created_by__name__icontains=text) | Q(created_by__email__icontains=text)
        used = Q(used_by__name__icontains=text) | Q(used_by__email__icontains=text)
        return self.filter(Q(shown_prefix__istartswith=text) | by | used)

    def with_names(self) -> InviteCodeQuerySet:
        return self.select_related("created_by", "used_by")


class InviteCode(models.Model):
    """The right to join an organization with a role: single use, expiring, revocable.

    Only the digest of the code is kept.
    """

    uid = models.CharField("ID", max_length=40, unique=True, default=new_invite_uid, editable=False)
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="invite_codes", verbose_name="organization"
    )
    role = models.CharField(max_length=12, choices=Role)
    digest = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=20)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    # Of `with_state`.
    state: str
    creator_role: str | None

    objects = InviteCodeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invite_role_known"),
            models.CheckConstraint(
                condition=Q(used_at=None, used_by=None)
                | Q(used_at__isnull=False, used_by__isnull=False, revoked_at=None),
                name="invite_used_by_somebody_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_prefix}…"
