"""Tenants and who belongs to them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from hydra import keys
from hydra.errors import Suspended
from orgs.models.users import SECOND_FACTORS, User

SEEN_EVERY = timedelta(minutes=5)


def new_org_uid() -> str:
    return keys.new_uid("org")


def new_membership_uid() -> str:
    return keys.new_uid("mem")


class Role(models.TextChoices):
    OWNER = "ORG_OWNER", "Owner"
    MANAGER = "ORG_MANAGER", "Manager"
    USER = "ORG_USER", "User"
    BILLING = "ORG_BILLING", "Billing"


class Plan(models.TextChoices):
    """Names only; what a plan allows stands in `billing.plans`."""

    FREE = "free", "Free"
    STARTER = "starter", "Starter"
    TEAM = "team", "Team"
    ENTERPRISE = "enterprise", "Enterprise"


class Organization(models.Model):
    """A tenant: everything that customers own belongs to exactly one."""

    uid = models.CharField("ID", max_length=40, unique=True, default=new_org_uid, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True, max_length=2000)
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.FREE)
    requests_per_minute = models.IntegerField(
        null=True,
        blank=True,
        help_text="Set by a site administrator instead of the plan's limit; -1 lifts it.",
    )
    website = models.URLField(blank=True, max_length=200)
    billing_address = models.TextField(blank=True, max_length=1000)
    billing_email = models.EmailField("billing e-mail", blank=True, max_length=254)
    time_zone = models.CharField(max_length=60, default="UTC", help_text="IANA name")
    managers_may_edit = models.BooleanField("managers may edit these settings", default=False)
    requires_two_factor = models.BooleanField("members need two-factor", default=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspension_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(plan__in=Plan.values), name="org_plan_known"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(slug=""), name="org_has_name"),
            models.CheckConstraint(
                condition=Q(suspended_at=None, suspension_reason="")
                | (Q(suspended_at__isnull=False) & ~Q(suspension_reason="")),
                name="org_suspended_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_suspended(self) -> bool:
        """Told by the reason, which is there exactly as long as it is suspended."""
        return bool(self.suspension_reason)

    def require_active(self) -> None:
        """Suspended, with the reason and whom to ask, unless the organization may work."""
        if self.is_suspended:
            raise Suspended(
                f"{self} is suspended: {self.suspension_reason.rstrip('.')}. "
                f"Ask {settings.HYDRA_SUPPORT} about it."
            )


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_org(self, org: Organization) -> MembershipQuerySet:
        return self.filter(org=org)

    def of(self, user: User) -> MembershipQuerySet:
        return self.filter(user=user).select_related("org").order_by("org__name", "pk")

    def owners(self) -> MembershipQuerySet:
        return self.filter(role=Role.OWNER)

    def with_names(self) -> MembershipQuerySet:
        return self.select_related("user", "org")

    def called(self, text: str) -> MembershipQuerySet:
        """Those in whose name or e-mail address `text` occurs."""
        return self.filter(Q(user__name__icontains=text) | Q(user__email__icontains=text))

    def with_two_factor(self) -> MembershipQuerySet:
        """With `has_two_factor`, for lists; of one person ask `User.has_two_factor`."""
        secured = User.objects.filter(pk=OuterRef("user"), authenticator__type__in=SECOND_FACTORS)
        return self.annotate(has_two_factor=Exists(secured))

    def by_name(self) -> MembershipQuerySet:
        """As lists of members are read."""
        return self.with_names().order_by("user__name", "user__email", "pk")

    def touch(self, membership: Membership) -> None:
        """Remember that the member was here, at most once every few minutes."""
        seen_at = membership.last_seen_at
        if seen_at is None or timezone.now() - seen_at > SEEN_EVERY:
            self.filter(pk=membership.pk).update(last_seen_at=Now())


class Membership(models.Model):
    """A user in an organization, with one of the four roles."""

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_membership_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships", verbose_name="organization"
    )
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    last_seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["org", "user"], name="membership_once_per_org"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.org}"
