"""The shapes of what people type on the pages of `orgs`. They decide nothing.

Those of accounts, signing in and two-factor stand in `orgs.forms.accounts`, those of keys in
`keys`, of General in `general`, of users and invite codes in `people`.
"""

from __future__ import annotations

from django import forms

from hydra.names import NameField


class OrganizationForm(forms.Form):
    name = NameField(max_length=100)


class RedeemForm(forms.Form):
    code = forms.CharField(
        label="Invite Code",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "mono"}),
    )


class EnvironmentForm(forms.Form):
    name = NameField(max_length=60)
