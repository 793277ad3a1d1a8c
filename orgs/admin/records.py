"""What happened, and what keeps it true."""

from __future__ import annotations

from django.contrib import admin

from hydra.staff import Listing, Newest
from orgs.models import AuditSeal, Event, IdempotencyRecord


@admin.register(Event)
class EventListing(Listing):
    list_display = ("verb", "org", "actor_label", "subject_label", "address", "created_at")
    list_filter = (("actor_kind", Newest),)
    search_fields = ("org", "uid", "subject_uid")
    search_help_text = "An organization's address, or the id of an event or of its subject"


@admin.register(AuditSeal)
class AuditSealListing(Listing):
    list_display = ("org", "sequence", "sealed_at", "verified_at", "verified_sequence", "fault")
    search_fields = ("org",)
    search_help_text = "An organization's address"


@admin.register(IdempotencyRecord)
class IdempotencyRecordListing(Listing):
    list_display = ("id", "org", "status", "locked_at")
    search_fields = ("org",)
    search_help_text = "An organization's address"
