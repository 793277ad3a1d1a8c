"""Closing an organization for a while, and opening it again: a site administrator's last resort.

What it means stands where it is asked: `Organization.require_active` at the gates of people, keys
and agents, and where deployments and deliveries begin. What runs already ends as it would have.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from hydra.errors import Invalid
from orgs.models import Actor, Organization
from orgs.services import events
from orgs.services.events import Subject


@transaction.atomic
def suspend(org: Organization, *, reason: str, by: Actor) -> Organization:
    """Close the organization; its people, keys and agents are told `reason`. Safe to repeat."""
    reason = reason.strip()
    if not reason:
        raise Invalid.at("suspension_reason", "A suspension needs a reason that people are told.")
    before = locked(org).suspension_reason
    if before != reason:
        Organization.objects.filter(pk=org.pk).update(suspended_at=Now(), suspension_reason=reason)
        record(org, "organization.suspended", before=before, after=reason, by=by)
    org.refresh_from_db(fields=["suspended_at", "suspension_reason"])
    return org


@transaction.atomic
def resume(org: Organization, *, by: Actor) -> Organization:
    """Open the organization again; what waited goes on. Safe to repeat."""
    before = locked(org).suspension_reason
    if before:
        Organization.objects.filter(pk=org.pk).update(suspended_at=None, suspension_reason="")
        record(org, "organization.resumed", before=before, after="", by=by)
    org.refresh_from_db(fields=["suspended_at", "suspension_reason"])
    return org


def locked(org: Organization) -> Organization:
    return Organization.objects.select_for_update().get(pk=org.pk)


def record(org: Organization, verb: str, *, before: str, after: str, by: Actor) -> None:
    events.record(
        org=org,
        by=by,
        verb=verb,
        subject=Subject("organization", org.uid, org.name),
        data=events.changes({"suspension_reason": before}, {"suspension_reason": after}),
    )
