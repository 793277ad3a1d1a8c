"""Customers' URLs, what is sent to them, and each try."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hydra import keys, sealed
from orgs.models import Event, Organization


def new_webhook_uid() -> str:
    return keys.new_uid("whk")


def new_delivery_uid() -> str:
    return keys.new_uid("dlv")


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Pending"
    SUCCEEDED = "succeeded", "Delivered"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def in_org(self, org: Organization) -> WebhookQuerySet:
        return self.filter(org=org)

    def enabled(self) -> WebhookQuerySet:
        return self.filter(disabled_at=None)


class Webhook(models.Model):
    """A customer's URL that receives chosen events. Its secret is encrypted at rest."""

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_webhook_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="webhooks", verbose_name="organization"
    )
    name = models.CharField(max_length=100, blank=True)
    url = models.CharField("URL", max_length=2000)
    verbs = models.JSONField(default=list, help_text="Events to send; empty means all")
    header_prefix = models.CharField(max_length=40, default="X-Hydra")
    secret_sealed = models.BinaryField()
    old_secret_sealed = models.BinaryField(null=True)
    old_secret_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=500, blank=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["org", "id"], name="webhook_list")]
        constraints = [models.CheckConstraint(condition=~Q(url=""), name="webhook_has_url")]

    def __str__(self) -> str:
        return self.name or self.receiver

    @property
    def receiver(self) -> str:
        """Whom the address reaches, without its path, which with many receivers is a secret."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def binding(self) -> str:
        return f"webhook|{self.uid}|secret|{self.org_id}"

    def seal_secret(self, secret: str) -> None:
        self.secret_sealed = sealed.seal(secret, bound_to=self.binding)

    def open_secret(self) -> str:
        return sealed.open_text(bytes(self.secret_sealed), bound_to=self.binding)

    def open_old_secret(self) -> str | None:
        if self.old_secret_sealed is None:
            return None
        return sealed.open_text(bytes(self.old_secret_sealed), bound_to=self.binding)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def in_org(self, org: Organization) -> DeliveryQuerySet:
        return self.filter(org=org)

    def due(self) -> DeliveryQuerySet:
        return self.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now()).order_by(
            "next_attempt_at", "pk"
        )

    def of_active_orgs(self) -> DeliveryQuerySet:
        """Not for claiming: a joined condition would not be asked again after a wait."""
        return self.filter(org__suspended_at=None)


class Delivery(models.Model):
    """One event for one URL. Its body is stored once and signed anew at each attempt.

    Claiming it moves `next_attempt_at` past the lease and names the claim, so that a claim
    whose worker died comes due again and the dead worker's late word is not taken.
    """

    uid = models.CharField(
        "ID", max_length=40, unique=True, default=new_delivery_uid, editable=False
    )
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name="organization"
    )
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="+")
    verb = models.CharField(max_length=60)
    body = models.BinaryField()
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    reason = models.CharField(max_length=500, blank=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    claim = models.UUIDField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(state="pending"),
                name="delivery_due",
            ),
            models.Index(fields=["webhook", "-id"], name="delivery_list"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="delivery_once_per_event"),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="delivery_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at=None)
                | (~Q(state="pending") & Q(finished_at__isnull=False)),
                name="delivery_finished_has_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} to {self.webhook}"


class Attempt(models.Model):
    """One try of a delivery. A row without an end was interrupted and may have arrived."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    took_ms = models.PositiveIntegerField("took (ms)", null=True)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["delivery_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
