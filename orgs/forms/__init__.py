"""The shapes of what people type on the pages of `orgs`. They decide nothing.

Those of accounts, signing in and two-factor stand in `orgs.forms.accounts`, those of keys in
`orgs.forms.keys`.
"""

from __future__ import annotations

from typing import Any

from django import forms

from orgs.models import Role
from orgs.models.rights import grantable_by


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
