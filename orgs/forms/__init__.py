"""The shapes of what people type on the pages of `orgs`. They decide nothing.

Those of accounts, signing in and two-factor stand in `orgs.forms.accounts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget
from django.utils import timezone

from orgs.models import Role
from orgs.models.rights import CI_PERMISSIONS, Right, grantable_by, permission


class OrganizationForm(forms.Form):
    name = forms.CharField(max_length=100)


class RedeemForm(forms.Form):
    code = forms.CharField(
        label="Invite Code",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "mono"}),
    )


class EnvironmentForm(forms.Form):
    name = forms.CharField(max_length=60)


class InviteForm(forms.Form):
    """Which role to give away: of those that the person asking may give."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, giver: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = grantable_by(giver)
        self.fields["role"] = forms.ChoiceField(
            choices=[(role.value, role.label) for role in Role if role in allowed],
            initial=Role.USER,
        )


# What a key may be given on its page, in groups and plain words.
PERMISSION_WORDS: dict[str, dict[Right, str]] = {
    "Applications and versions": {
        Right.VERSION_CREATE: "Create versions",
        Right.VERSION_READ: "Read versions",
        Right.APPLICATION_READ: "Read applications and their configuration",
        Right.APPLICATION_CREATE: "Create applications",
        Right.APPLICATION_UPDATE: "Change applications",
        Right.APPLICATION_DELETE: "Delete applications",
    },
    "Projects and deployments": {
        Right.DEPLOYMENT_CREATE: "Start deployments",
        Right.DEPLOYMENT_READ: "Read deployments and logs",
        Right.DEPLOYMENT_UPDATE: "Cancel, retry, roll back, approve",
        Right.PROJECT_CREATE: "Create projects",
        Right.PROJECT_READ: "Read projects",
        Right.PROJECT_UPDATE: "Change projects",
        Right.PROJECT_DELETE: "Delete projects",
        Right.RULE_READ: "Read auto-deploy rules",
        Right.RULE_WRITE: "Change auto-deploy rules",
    },
    "Environments, agents, webhooks": {
        Right.ENVIRONMENT_READ: "Read environments",
        Right.ENVIRONMENT_WRITE: "Change environments",
        Right.AGENT_READ: "Read agents",
        Right.AGENT_WRITE: "Create and revoke agents",
        Right.WEBHOOK_READ: "Read webhooks and deliveries",
        Right.WEBHOOK_WRITE: "Change webhooks",
    },
    "Organization": {
        Right.ORGANIZATION_READ: "Read the organization",
        Right.MEMBER_READ: "Read members",
        Right.MEMBER_WRITE: "Change members",
        Right.INVITE_READ: "Read invite codes",
        Right.INVITE_WRITE: "Create and revoke invite codes",
        Right.API_KEY_READ: "Read API keys",
        Right.API_KEY_WRITE: "Create and revoke API keys",
        Right.USAGE_READ: "Read usage",
        Right.BILLING_READ: "Read invoices",
        Right.AUDIT_READ: "Read the audit log",
    },
}

NEVER, ON_A_DAY = "never", "date"
EXPIRIES = [("30", "In 30 days"), ("90", "In 90 days"), (ON_A_DAY, "On a day"), (NEVER, "Never")]


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        max_length=100, help_text="Where the key will live, for example the CI job."
    )
    permissions = forms.MultipleChoiceField(
        label="May",
        help_text="As little as the program needs. Chosen already: what a pipeline needs.",
        choices=[
            (permission(right), words)
            for group in PERMISSION_WORDS.values()
            for right, words in group.items()
        ],
        initial=list(CI_PERMISSIONS),
        widget=forms.CheckboxSelectMultiple,
    )
    expires = forms.ChoiceField(choices=EXPIRIES, initial="90")
    expires_on = forms.DateField(
        label="Day, if on a day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("expires") != ON_A_DAY or "expires_on" in self.errors:
            return given
        if not given.get("expires_on"):
            self.add_error("expires_on", "Choose the day on which the key ends.")
        elif given["expires_on"] < timezone.localdate():
            self.add_error("expires_on", "This day is over. Choose a later one.")
        return given

    def groups(self) -> Iterator[tuple[str, list[BoundWidget]]]:
        """The checkboxes under their headings."""
        boxes = iter(self["permissions"])
        for title, group in PERMISSION_WORDS.items():
            yield title, list(islice(boxes, len(group)))

    def expires_at(self) -> datetime | None:
        """The end of the chosen day, or of so many days from now."""
        chosen, day = self.cleaned_data["expires"], self.cleaned_data["expires_on"]
        if chosen == NEVER:
            return None
        if chosen == ON_A_DAY:
            return timezone.make_aware(datetime.combine(day, time.max))
        return timezone.now() + timedelta(days=int(chosen))
