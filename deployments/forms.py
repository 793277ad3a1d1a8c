"""The shape of what people send about deployments and versions."""

from __future__ import annotations

from typing import Any

from django import forms

from deployments.models import State
from orgs.models import Environment, Organization
from projects.models import Application, Project, Version

VERSION_CHOICES = 50


class DeployForm(forms.Form):
    """Which version of which application goes to which of the project's environments."""

    application = forms.ModelChoiceField(Application.objects.none(), to_field_name="code")
    environment = forms.ModelChoiceField(Environment.objects.none(), to_field_name="slug")
    version = forms.ModelChoiceField(
        Version.objects.none(), to_field_name="uid", empty_label=None, required=False
    )
    form_key = forms.RegexField(r"^[0-9A-Za-z_-]{0,40}$", required=False)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        applications = Application.objects.filter(uses__project=project)
        self.fields["application"].queryset = applications  # type: ignore[attr-defined]  # a choice field
        self.fields["environment"].queryset = Environment.objects.filter(  # type: ignore[attr-defined]
            uses__project=project
        )
        self.fields["version"].queryset = Version.objects.filter(  # type: ignore[attr-defined]
            application__in=applications
        )


class VersionForm(forms.Form):
    """A version made by hand, as CI would make it."""

    name = forms.CharField(
        max_length=128,
        help_text="Such as v1.2.3. Rules are asked about it as if CI had sent it.",
    )
    commit = forms.CharField(max_length=64, required=False)
    image = forms.CharField(max_length=500, required=False)
    tags = forms.CharField(max_length=500, required=False, help_text="Separated by commas")
    notes = forms.CharField(max_length=50_000, required=False, widget=forms.Textarea)

    def clean_tags(self) -> tuple[str, ...]:
        words = str(self.cleaned_data["tags"]).split(",")
        return tuple(sorted({word.strip() for word in words if word.strip()}))


class DeploymentFilter(forms.Form):
    """What the list of deployments is narrowed to; of what is unknown the page tells."""

    state = forms.ChoiceField(
        choices=[("waiting", "Waiting"), ("finished", "Finished"), *State.choices], required=False
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
    application = forms.ModelChoiceField(
        Application.objects.none(),
        to_field_name="code",
        required=False,
        empty_label="All applications",
    )
    version = forms.CharField(required=False, max_length=128)

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (
            ("project", Project.objects.in_org(org)),
            ("environment", Environment.objects.in_org(org)),
            ("application", Application.objects.in_org(org)),
        ):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]  # a choice field
