"""The right to join, as a code."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from orgs.models.organizations import Membership, Organization, Role
from orgs.models.users import User


def new_invite_uid() -> str:
    return keys.new_uid("inv")


class InviteCodeQuerySet(models.QuerySet["InviteCode"]):
    def in_org(self, org: Organization) -> InviteCodeQuerySet:
        return self.filter(org=org)

    def redeemable(self) -> InviteCodeQuerySet:
        """Not used, revoked or expired, and its creator is still there to give such a role."""
        creator = Membership.objects.filter(org=OuterRef("org"), user=OuterRef("created_by"))
        by_owner = Exists(creator.filter(role=Role.OWNER))
        by_manager = ~Q(role=Role.OWNER) & Exists(creator.filter(role=Role.MANAGER))
        return self.filter(
            by_owner | by_manager, used_at=None, revoked_at=None, expires_at__gt=Now()
        )

    def with_names(self) -> InviteCodeQuerySet:
        return self.select_related("created_by", "used_by")


class InviteCode(models.Model):
    """The right to join an organization with a role: single use, expiring, revocable.

    Only the digest of the code is kept.
    """

    uid = models.CharField(max_length=40, unique=True, default=new_invite_uid, editable=False)
    org = models.ForeignKey(Organization, models.CASCADE, related_name="invite_codes")
    role = models.CharField(max_length=12, choices=Role)
    digest = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=20)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

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

    @property
    def is_open(self) -> bool:
        """Whether it may still be redeemed, for all that this row can tell."""
        is_spent = self.used_at is not None or self.revoked_at is not None
        return not is_spent and self.expires_at > timezone.now()
