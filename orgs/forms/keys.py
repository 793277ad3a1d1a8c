"""What is asked of whoever makes or rotates a key or a personal token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.forms.boundfield import BoundField, BoundWidget
from django.utils import timezone

from hydra.names import NameField
from orgs.models.keys import CredentialState
from orgs.models.rights import (
    CI_PERMISSIONS,
    PersonalRight,
    Powers,
    Right,
    permission,
)

# What a key may be given on its page, in groups and plain words.
PERMISSION_WORDS: dict[str, dict[str, str]] = {
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
        Right.ORGANIZATION_UPDATE: "Change the organization's settings",
        Right.ORGANIZATION_DELETE: "Delete the organization",
        Right.MEMBER_READ: "Read members",
        Right.MEMBER_WRITE: "Change members",
        Right.INVITE_READ: "Read invite codes",
        Right.INVITE_WRITE: "Create and revoke invite codes",
        Right.API_KEY_READ: "Read API keys",
        Right.API_KEY_WRITE: "Create and revoke API keys",
        Right.USAGE_READ: "Read usage",
        Right.BILLING_READ: "Read invoices",
        Right.BILLING_WRITE: "Change plan and payment",
        Right.AUDIT_READ: "Read the audit log",
    },
    "Your account": {
        PersonalRight.TOKEN_READ: "Read your personal tokens",
        PersonalRight.TOKEN_WRITE: "Create, rotate and revoke your personal tokens",
    },
}

WORDS: dict[str, str] = {
    right: words for group in PERMISSION_WORDS.values() for right, words in group.items()
}

NEVER, ON_A_DAY = "never", "date"
EXPIRIES = [("30", "In 30 days"), ("90", "In 90 days"), (ON_A_DAY, "On a day"), (NEVER, "Never")]
USUAL_OVERLAP_DAYS = 7
NAMES_AT_MOST = 3


@dataclass(frozen=True)
class Limits:
    """What a key may be limited to: uid and name of each project and application."""

    projects: list[tuple[str, str]]
    applications: list[tuple[str, str]]


class CredentialForm(forms.Form):
    """A new key: no more than whoever asks has, and as little as a pipeline needs unless chosen."""

    name = NameField(max_length=100, help_text="Where it will live, for example the CI job.")
    permissions = forms.MultipleChoiceField(
        label="May",
        help_text="As little as the program needs. Chosen already: what a pipeline needs.",
        widget=forms.CheckboxSelectMultiple,
    )
    projects = forms.MultipleChoiceField(
        label="Projects", required=False, widget=forms.CheckboxSelectMultiple
    )
    applications = forms.MultipleChoiceField(
        label="Applications", required=False, widget=forms.CheckboxSelectMultiple
    )
    expires = forms.ChoiceField(choices=EXPIRIES, initial="90")
    expires_on = forms.DateField(
        label="Day, if on a day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, powers: Powers, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(permission(right), words) for right, words in WORDS.items()]
        offered = [(held, words) for held, words in offered if not powers.lacks(held)]
        self.choices_of("permissions", offered)
        self.choices_of("projects", limits.projects)
        self.choices_of("applications", limits.applications)
        may = {held for held, _ in offered}
        self.fields["permissions"].initial = [held for held in CI_PERMISSIONS if held in may]

    def choices_of(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  # declared above
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "permissions" in given and not self.granted():
            self.add_error("permissions", "A limited key cannot create; choose something else.")
        if given.get("expires") != ON_A_DAY or "expires_on" in self.errors:
            return given
        if not given.get("expires_on"):
            self.add_error("expires_on", "Choose the day on which the key ends.")
        elif given["expires_on"] < timezone.localdate():
            self.add_error("expires_on", "This day is over. Choose a later one.")
        return given

    def granted(self) -> tuple[str, ...]:
        """The chosen permissions, each for the chosen projects or applications alone, if any.

        What is to be created is none of those, so a limited key creates nothing of the kind.
        """
        given = self.cleaned_data
        limits = {"project": given.get("projects"), "application": given.get("applications")}
        chosen = []
        for held in given["permissions"]:
            resource, _, action = held.split(".")
            limit = limits.get(resource)
            if not limit:
                chosen.append(held)
            elif action != "create":
                chosen += [f"{resource}.{uid}.{action}" for uid in limit]
        return tuple(chosen)

    def groups(self) -> Iterator[tuple[str, list[BoundWidget]]]:
        """The checkboxes that are offered, under their headings."""
        boxes = {box.data["value"]: box for box in self["permissions"]}
        for title, group in PERMISSION_WORDS.items():
            shown = [boxes[held] for right in group if (held := permission(right)) in boxes]
            if shown:
                yield title, shown

    def limits(self) -> list[tuple[BoundField, int]]:
        """Projects and applications to choose from, where there are any, and how many are."""
        return [
            (self[name], len(self[name].value() or ()))
            for name in ("projects", "applications")
            if list(self[name])
        ]

    def expires_at(self) -> datetime | None:
        """The end of the chosen day, or of so many days from now."""
        chosen, day = self.cleaned_data["expires"], self.cleaned_data["expires_on"]
        if chosen == NEVER:
            return None
        if chosen == ON_A_DAY:
            return timezone.make_aware(datetime.combine(day, time.max))
        return timezone.now() + timedelta(days=int(chosen))


class RotateForm(forms.Form):
    overlap_days = forms.IntegerField(
        label="Days until the old one ends",
        min_value=0,
        max_value=30,
        initial=USUAL_OVERLAP_DAYS,
        help_text="Both work until then. 0 ends the old one now.",
    )


class CredentialFilterForm(forms.Form):
    """What a list of keys is narrowed to. Anything odd in the address narrows nothing."""

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(
        required=False, choices=[("", "All states"), *CredentialState.choices]
    )


def spelled(permissions: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """What a key may, in words: `Create versions in Shop API`."""
    places: dict[str, list[str]] = {}
    for held in permissions:
        resource, scope, action = held.split(".")
        places.setdefault(f"{resource}.{action}", []).append(scope)
    return [
        WORDS.get(right, right) + in_places([names.get(uid, uid) for uid in uids])
        for right, uids in places.items()
    ]


def in_places(names: list[str]) -> str:
    if "*" in names:
        return ""
    rest = len(names) - NAMES_AT_MOST
    shown = ", ".join(names[:NAMES_AT_MOST])
    return f" in {shown} and {rest} more" if rest > 0 else f" in {shown}"
