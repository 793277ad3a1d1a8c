"""The shapes of what people type under Settings, Users & Permissions."""

from __future__ import annotations

from typing import Any

from django import forms

from orgs.models import InviteState, Role
from orgs.models.rights import grantable_by

WHAT_ROLES_DO = {
    Role.OWNER: "everything, the organization's own settings and its deletion included",
    Role.MANAGER: "deploys, and manages projects, agents, keys and people; touches no owner",
    Role.USER: "sees projects, deployments, logs and agents; changes nothing",
    Role.BILLING: "sees and pays the bills, and nothing else",
}


class RoleForm(forms.Form):
    """A role to give, of those that the person asking may give."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, giver: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = grantable_by(giver)
        self.fields["role"] = forms.ChoiceField(
            choices=[
                (role.value, f"{role.label}: {WHAT_ROLES_DO[role]}")
                for role in Role
                if role in allowed
            ],
            initial=Role.USER,
            widget=forms.RadioSelect,
        )


class SearchForm(forms.Form):
    """What a list of people is narrowed to; nonsense in the address narrows nothing."""

    q = forms.CharField(
        label="Search",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or e-mail"}),
    )
    role = forms.ChoiceField(
        choices=[("", "Any role"), *Role.choices],
        required=False,
        widget=forms.Select(attrs={"data-submit": ""}),
    )


class InviteSearchForm(SearchForm):
    state = forms.ChoiceField(
        choices=[("", "Any state"), *InviteState.choices],
        required=False,
        widget=forms.Select(attrs={"data-submit": ""}),
    )
