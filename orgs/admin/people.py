"""People and their own credentials. Who may sign in and administer may be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from hydra.staff import Listing
from orgs.admin.acting import administrator
from orgs.models import ApiKey, BrowserSession, FailedSignIn, PersonalToken, User
from orgs.services import administration


@admin.register(User)
class UserListing(Listing):
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email__iexact", "uid", "name__istartswith")
    search_help_text = "E-mail address, id, or how the name begins"
    changeable = ("is_active", "is_staff")
    fieldsets = (
        (None, {"fields": ("email", "name", "uid", "created_at", "last_login")}),
        ("What they may do", {"fields": ("is_active", "is_staff")}),
    )

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[Any], change: bool
    ) -> None:
        asked = form.cleaned_data
        administration.change_user(
            obj,
            is_active=asked["is_active"],
            is_staff=asked["is_staff"],
            by=administrator(request),
        )


@admin.register(ApiKey)
class ApiKeyListing(Listing):
    list_display = (
        *("name", "shown_prefix", "org", "created_by", "created_at"),
        *("expires_at", "revoked_at", "last_used_at"),
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("org", "uid", "shown_prefix")
    search_help_text = "An organization's address, the beginning that is shown, or an id"


@admin.register(PersonalToken)
class PersonalTokenListing(Listing):
    list_display = (
        *("name", "shown_prefix", "user", "created_at"),
        *("expires_at", "revoked_at", "last_used_at"),
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("uid", "shown_prefix", "user__email")
    search_help_text = "An e-mail address, the beginning that is shown, or an id"


@admin.register(BrowserSession)
class BrowserSessionListing(Listing):
    list_display = ("user", "address", "user_agent", "is_signed_in", "created_at", "expires_at")
    list_filter = ("is_signed_in",)
    search_fields = ("user__email", "address")
    search_help_text = "An e-mail address, or a network address"


@admin.register(FailedSignIn)
class FailedSignInListing(Listing):
    list_display = ("email", "proof", "attempts", "address", "told_at")
    list_filter = ("proof",)
    search_fields = ("email",)
    search_help_text = "An e-mail address"
