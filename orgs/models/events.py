"""The one log of what happened. Audit, webhooks, live pages and usage read it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q, Subquery
from django.db.models.functions import Coalesce, Now

from hydra import keys, sealed
from orgs.models.actors import ActorKind
from orgs.models.organizations import Organization

# Keys follow time, but for transactions at once and clocks that differ: never by so much.
SKEW = timedelta(hours=6)
LAST = 2**63 - 1
UID = re.compile(r"[a-z]{1,5}_[0-9A-Za-z]{10,34}")


def new_event_uid() -> str:
    return keys.new_uid("evt")


@dataclass(frozen=True)
class EventFilter:
    """What somebody looks for in the log; what is empty narrows nothing.

    `actor` and `subject` are an id, or a part of the name that stood there then.
    """

    actor: str = ""
    verbs: tuple[str, ...] = ()
    kind: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def conditions(self) -> Q:
        found = Q()
        if self.actor:
            found &= named("actor", self.actor, kinds=ActorKind.values)
        if self.verbs:
            found &= Q(verb__in=self.verbs)
        if self.kind:
            found &= Q(subject_kind=self.kind)
        if self.subject:
            found &= named("subject", self.subject)
        if self.since:
            found &= Q(created_at__gte=self.since)
        if self.until:
            found &= Q(created_at__lt=self.until)
        return found

    @property
    def reads_rows(self) -> bool:
        """Whether no index finds it: one event after the other has to be looked at."""
        names = [text for text in (self.actor, self.subject) if text]
        return bool(self.kind) or not all(UID.fullmatch(name) for name in names)


def named(who: str, text: str, *, kinds: Collection[str] = ()) -> Q:
    """By id, which an index finds; by kind; else by a part of the name."""
    if UID.fullmatch(text):
        return Q(**{f"{who}_uid": text})
    if text in kinds:
        return Q(**{f"{who}_kind": text})
    return Q(**{f"{who}_label__icontains": text})


class EventQuerySet(models.QuerySet["Event"]):
    def in_org(self, org: Organization) -> EventQuerySet:
        return self.filter(org=org)

    def about(self, uid: str) -> EventQuerySet:
        return self.filter(subject_uid=uid)

    def narrowed(self, wanted: EventFilter) -> EventQuerySet:
        """What the filter leaves."""
        return self.around(wanted).filter(wanted.conditions)

    def stretch(self, count: int) -> Event | None:
        """The first event beyond the `count` newest of these; None when there are no more."""
        found = self.order_by("-pk").values("pk")[count : count + 1]
        return Event.objects.only("created_at").filter(pk=Subquery(found)).first()

    def around(self, wanted: EventFilter) -> EventQuerySet:
        """What is about as old as the filter wants. A time is also a place in the order of keys:
        without it, the database would look through all that happened since, or put it in order.
        """
        rows = self
        if wanted.since:
            earlier = self.filter(created_at__lt=wanted.since - SKEW).order_by("-created_at")
            rows = rows.filter(pk__gt=Coalesce(Subquery(earlier.values("pk")[:1]), 0))
        if wanted.until:
            later = self.filter(created_at__gt=wanted.until + SKEW).order_by("created_at")
            rows = rows.filter(pk__lt=Coalesce(Subquery(later.values("pk")[:1]), LAST))
        return rows

    def to_fan_out(self) -> EventQuerySet:
        """What has its number and what webhooks have not yet been asked about, oldest first."""
        return self.filter(needs_fanout=True, sequence__isnull=False).order_by("pk")


class Event(models.Model):
    """One thing that happened, written in the transaction that did it; never changed.

    `sequence` numbers an organization's events without gaps. It is given afterwards, by one
    writer at a time, so that transactions which happen at once need not wait for each other.
    """

    uid = models.CharField("ID", max_length=40, unique=True, default=new_event_uid, editable=False)
    org = models.ForeignKey(
        Organization, models.CASCADE, related_name="events", verbose_name="organization"
    )
    sequence = models.BigIntegerField(null=True)
    verb = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    actor_uid = models.CharField("actor ID", max_length=40, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    subject_kind = models.CharField(max_length=30)
    subject_uid = models.CharField("subject ID", max_length=40)
    subject_label = models.CharField(max_length=300, blank=True)
    data = models.JSONField(default=dict)
    request_id = models.CharField("request ID", max_length=60, blank=True)
    address = models.CharField(max_length=45, blank=True)
    needs_fanout = models.BooleanField(default=False)
    seal = models.CharField(max_length=64, blank=True, help_text="Link of the hash chain, hex")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["org", "-id"], name="event_list"),
            models.Index(fields=["org", "subject_uid", "-id"], name="event_of_subject"),
            models.Index(fields=["id"], condition=Q(needs_fanout=True), name="event_to_fan_out"),
            models.Index(fields=["id"], condition=Q(sequence=None), name="event_to_number"),
            models.Index(fields=["org", "verb", "-id"], name="event_list_of_verb"),
            models.Index(fields=["org", "actor_uid", "-id"], name="event_list_of_actor"),
            models.Index(fields=["org", "created_at"], name="event_list_of_days"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["org", "sequence"], name="event_sequence_unique"),
            models.CheckConstraint(
                condition=Q(actor_kind__in=ActorKind.values), name="event_actor_known"
            ),
            models.CheckConstraint(condition=~Q(verb=""), name="event_has_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_label}"


class AuditSealQuerySet(models.QuerySet["AuditSeal"]):
    def to_verify(self) -> AuditSealQuerySet:
        """The chains that it is time to verify, the longest overdue first."""
        return self.filter(verify_due_at__lte=Now()).order_by("verify_due_at", "pk")


class AuditSeal(models.Model):
    """Where an organization's hash chain ends, and when the chain was last verified.

    The chain has a key of its own, sealed here, so that it outlives the installation's keys.
    """

    org = models.OneToOneField(
        Organization, models.CASCADE, related_name="audit_seal", verbose_name="organization"
    )
    key_sealed = models.BinaryField(help_text="The key of this chain")
    sequence = models.BigIntegerField(default=0)
    head = models.CharField(
        max_length=64, blank=True, help_text="The seal of the event with that sequence"
    )
    mac = models.CharField(max_length=64, help_text="Binds organization, sequence and head")
    sealed_at = models.DateTimeField(db_default=Now())
    verified_at = models.DateTimeField(null=True)
    verified_sequence = models.BigIntegerField(null=True)
    fault = models.CharField(max_length=300, blank=True, help_text="What was found wrong; or empty")
    verify_due_at = models.DateTimeField(db_default=Now(), help_text="When to verify again")
    checked_sequence = models.BigIntegerField(
        default=0, help_text="How far the verification that is going on has come"
    )

    objects = AuditSealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verified_at=None, verified_sequence=None)
                | Q(verified_at__isnull=False, verified_sequence__isnull=False),
                name="audit_seal_verified_up_to_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.org} up to {self.sequence}"

    @property
    def binding(self) -> str:
        return sealed.binding("auditseal", row=str(self.org_id), field="key", org=str(self.org_id))

    def seal_key(self, key: bytes) -> None:
        self.key_sealed = sealed.seal(key, bound_to=self.binding)

    def open_key(self) -> bytes:
        """The key of the chain; `SealBroken` when somebody changed it."""
        return sealed.open_sealed(self.key_sealed, bound_to=self.binding)
