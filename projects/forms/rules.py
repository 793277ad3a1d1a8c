"""What people type about auto-deploy rules."""

from __future__ import annotations

from typing import Any

from django import forms

from orgs.models import Environment, Organization
from projects.forms.fields import choose, mono
from projects.models import Application, Project, Strategy

MINUTES, HOURS = "minutes", "hours"


class RuleForm(forms.Form):
    """When a version deploys itself, and where to."""

    application = forms.ModelChoiceField(
        Application.objects.none(), to_field_name="code", empty_label=None
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(), to_field_name="slug", empty_label=None
    )
    strategy = forms.ChoiceField(choices=Strategy.choices, label="Deploy versions by")
    pattern = forms.CharField(
        max_length=500,
        required=False,
        widget=mono(),
        help_text=(
            "The whole name has to match. An empty regular expression matches every name; "
            "a latest version needs no pattern."
        ),
    )
    delay = forms.IntegerField(min_value=0, max_value=43_200, initial=0)
    unit = forms.ChoiceField(choices=[(MINUTES, "minutes"), (HOURS, "hours")])
    is_enabled = forms.BooleanField(required=False, initial=True, label="Switched on")
    allows_older = forms.BooleanField(
        required=False, label="May put an older version over a newer one"
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(
            self,
            "application",
            Application.objects.in_org(project.org).filter(uses__project=project),
        )
        choose(
            self,
            "environment",
            Environment.objects.in_org(project.org)
            .filter(uses__project=project)
            .order_by("position", "pk"),
        )

    @property
    def delay_minutes(self) -> int:
        factor = 60 if self.cleaned_data["unit"] == HOURS else 1
        return int(self.cleaned_data["delay"]) * factor


class RuleFilter(forms.Form):
    """What the list of rules is narrowed to."""

    q = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput({"type": "search", "placeholder": "Filter rules"}),
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), to_field_name="code", required=False, empty_label="All projects"
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="All environments",
    )
    enabled = forms.BooleanField(required=False, label="Enabled only")

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "project", Project.objects.in_org(org))
        choose(self, "environment", Environment.objects.in_org(org))


class SimulatorForm(forms.Form):
    """A version that need not exist."""

    application = forms.ModelChoiceField(
        Application.objects.none(), to_field_name="code", empty_label=None
    )
    version = forms.CharField(
        max_length=128, label="Version name", widget=mono(placeholder="v1.4.0-rc1")
    )
    tags = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.TextInput({"placeholder": "separated by commas"}),
    )

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "application", Application.objects.in_org(org))

    def clean_tags(self) -> tuple[str, ...]:
        words = str(self.cleaned_data["tags"]).split(",")
        return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
