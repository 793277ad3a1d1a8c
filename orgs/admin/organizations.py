"""Organizations and who belongs to them. The plan, the limit and the suspension may be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from hydra.staff import Listing
from orgs.admin.acting import administrator
from orgs.models import Environment, Icon, InviteCode, Membership, Organization
from orgs.services import administration, suspensions


@admin.register(Organization)
class OrganizationListing(Listing):
    list_display = ("name", "slug", "plan", "suspension_reason", "created_at")
    list_filter = ("plan", ("suspended_at", admin.EmptyFieldListFilter))
    search_fields = ("slug", "uid", "name__istartswith")
    search_help_text = "Address, id, or how the name begins"
    changeable = ("plan", "requests_per_minute", "suspension_reason")
    fieldsets = (
        (None, {"fields": ("name", "slug", "uid", "description", "created_at")}),
        (
            "What it may use",
            {"fields": ("plan", "requests_per_minute")},
        ),
        (
            "Suspension",
            {
                "fields": ("suspension_reason", "suspended_at"),
                "description": (
                    "A reason suspends: the organization's people, keys and agents read it and "
                    "nothing new begins. An empty one lets everything go on."
                ),
            },
        ),
        (
            "Details",
            {
                "fields": (
                    *("website", "billing_address", "billing_email", "time_zone"),
                    *("managers_may_edit", "requires_two_factor"),
                )
            },
        ),
    )

    def save_model(
        self, request: HttpRequest, obj: Organization, form: ModelForm[Any], change: bool
    ) -> None:
        by, asked = administrator(request), form.cleaned_data
        administration.change_terms(
            obj, plan=asked["plan"], requests_per_minute=asked["requests_per_minute"], by=by
        )
        if "suspension_reason" not in form.changed_data:
            return
        if reason := asked["suspension_reason"].strip():
            suspensions.suspend(obj, reason=reason, by=by)
        else:
            suspensions.resume(obj, by=by)


@admin.register(Membership)
class MembershipListing(Listing):
    list_display = ("user", "org", "role", "last_seen_at", "created_at")
    list_filter = ("role",)
    search_fields = ("org", "uid", "user__email")
    search_help_text = "An organization's address, an e-mail address, or an id"


@admin.register(Environment)
class EnvironmentListing(Listing):
    list_display = ("name", "slug", "org", "position", "created_at")
    search_fields = ("org", "uid")
    search_help_text = "An organization's address, or an id"


@admin.register(InviteCode)
class InviteCodeListing(Listing):
    list_display = (
        *("shown_prefix", "org", "role", "created_by"),
        *("expires_at", "used_by", "revoked_at"),
    )
    list_filter = ("role",)
    search_fields = ("org", "uid", "shown_prefix")
    search_help_text = "An organization's address, the beginning that is shown, or an id"


@admin.register(Icon)
class IconListing(Listing):
    list_display = ("id", "org", "created_at")
    search_fields = ("org",)
    search_help_text = "An organization's address"
