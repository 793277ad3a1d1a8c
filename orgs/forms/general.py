"""The shapes of what people type under Settings, General."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.validators import URLValidator

from hydra.names import NameField
from orgs.models import Membership, Organization

# Old names of the same zones, and what is no place.
NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


class GeneralForm(forms.Form):
    """What the organization says of itself; an owner is also asked what only owners decide."""

    name = NameField(max_length=100)
    description = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    website = forms.CharField(
        max_length=200,
        required=False,
        validators=[URLValidator(schemes=["http", "https"])],
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    billing_address = forms.CharField(
        max_length=1000,
        required=False,
        help_text="Stands on invoices.",
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    billing_email = forms.EmailField(
        label="Billing e-mail", max_length=254, required=False, help_text="Where invoices go."
    )
    time_zone = forms.ChoiceField(
        help_text="For times typed where the browser tells no zone. Pages show your own time."
    )
    managers_may_edit = forms.BooleanField(label="Managers may edit these settings", required=False)
    requires_two_factor = forms.BooleanField(
        label="Members need two-factor",
        required=False,
        help_text="Whoever has none is led to where it is switched on, and let in afterwards.",
    )

    def __init__(self, typed: Any = None, *, org: Organization, is_owner: bool) -> None:
        super().__init__(typed, initial={name: getattr(org, name) for name in self.base_fields})
        self.fields["time_zone"] = forms.ChoiceField(
            choices=zones(beside=org.time_zone), help_text=self.fields["time_zone"].help_text
        )
        if not is_owner:
            del self.fields["managers_may_edit"], self.fields["requires_two_factor"]


def zones(*, beside: str) -> list[tuple[str, Any]]:
    """The time zones of the world by continent, and the one that is set already."""
    places = sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(NO_PLACES)
    )
    first = [(zone, zone) for zone in dict.fromkeys(("UTC", beside)) if zone not in places]
    grouped = groupby(places, key=lambda zone: zone.split("/")[0])
    return [*first, *((name, named(group)) for name, group in grouped)]


def named(group: Iterable[str]) -> list[tuple[str, str]]:
    """`America/Argentina/Buenos_Aires` as people read it."""
    return [(zone, zone.partition("/")[2].replace("_", " ").replace("/", ": ")) for zone in group]


class DeletionForm(forms.Form):
    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )


STAYS, STEPS_BACK = "owner", "manager"


class TransferForm(forms.Form):
    """Who is to own the organization, of its other members, and what becomes of who hands over."""

    heir = forms.ChoiceField(label="New owner")
    left_as = forms.ChoiceField(
        label="You",
        choices=[(STEPS_BACK, "become a manager"), (STAYS, "stay an owner as well")],
        initial=STEPS_BACK,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, others: Iterable[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["heir"] = forms.ChoiceField(
            label="New owner",
            choices=[
                (other.uid, f"{other.user} ({other.user.email}), {other.get_role_display()}")
                for other in others
            ],
        )
