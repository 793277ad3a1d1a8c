"""What somebody looks for in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.utils.dateparse import parse_datetime

from orgs.models import EventFilter
from orgs.models.verbs import ALL_OF, GROUPS, verbs_like

VERB_CHOICES = [
    ("", "Anything"),
    *(
        (
            group.replace("_", " ").capitalize(),
            [
                (f"{group}{ALL_OF}", f"{group}: all"),
                *((f"{group}.{verb}", f"{group}.{verb}") for verb in verbs),
            ],
        )
        for group, verbs in GROUPS.items()
    ),
]
KIND_CHOICES = [
    ("", "Anything"),
    *((group, group.replace("_", " ").capitalize()) for group in GROUPS if group != "audit"),
]


class WallTime(forms.Field):
    """A day and a time as a clock on the wall shows them; the zone is another field's."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            at = parse_datetime(str(value))
        except ValueError:
            at = None
        if at is None or not 1 < at.year < 9999:  # what stays a year in every zone
            raise forms.ValidationError("Write a day and a time, such as 2026-01-31T12:00.")
        return at


class AuditForm(forms.Form):
    """A filter of the log. Times are meant in `zone`, which a script sets to the viewer's."""

    actor = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"placeholder": "Name or id"})
    )
    verb = forms.ChoiceField(required=False, choices=VERB_CHOICES)
    kind = forms.ChoiceField(required=False, choices=KIND_CHOICES)
    subject = forms.CharField(
        required=False, max_length=300, widget=forms.TextInput(attrs={"placeholder": "Name or id"})
    )
    since = WallTime(required=False)
    until = WallTime(required=False)
    zone = forms.CharField(
        required=False, max_length=60, widget=forms.HiddenInput(attrs={"data-zone": ""})
    )

    def __init__(self, *args: Any, zone: str = "UTC", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default_zone = zone

    def clean_zone(self) -> ZoneInfo:
        """The viewer's zone, else the organization's: an unknown one is no mistake of a person."""
        for name in (self.cleaned_data["zone"], self.default_zone):
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
        return ZoneInfo("UTC")

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        for name in ("since", "until"):
            at = found.get(name)
            if at is not None and at.tzinfo is None:
                found[name] = at.replace(tzinfo=found["zone"])
        return found

    def wanted(self) -> EventFilter:
        """The filter, as far as it could be understood."""
        found = self.cleaned_data
        return EventFilter(
            actor=found.get("actor", "").strip(),
            verbs=verbs_like(found.get("verb", "")),
            kind=found.get("kind", ""),
            subject=found.get("subject", "").strip(),
            since=found.get("since"),
            until=found.get("until"),
        )
