"""What people type about config files, overrides and variables."""

from __future__ import annotations

from typing import Any

from django import forms

from orgs.models import Environment
from projects.forms.fields import CodeField, ParsedForm, choose, mono
from projects.models import FileType, Project


class ConfigFileForm(ParsedForm):
    name = forms.CharField(
        max_length=200,
        label="File name",
        strip=False,
        widget=mono(placeholder="app.env"),
        help_text="Below the folder HYDRA_CONFIG_DIR.",
    )
    file_type = forms.ChoiceField(label="Type", choices=FileType.choices)
    version_pattern = forms.CharField(
        max_length=500,
        required=False,
        widget=mono(),
        label="Only for versions like",
        help_text="A regular expression; every version when empty.",
    )
    content = CodeField(required=False)


class OverrideForm(ParsedForm):
    version_pattern = forms.CharField(
        max_length=500,
        required=False,
        widget=mono(),
        label="Only for versions like",
        help_text="A regular expression over the whole name; empty for all other versions.",
    )
    text = CodeField(required=False, label="Override")
    is_sensitive = forms.BooleanField(required=False, label="Sensitive: never show it again")


class VariableForm(forms.Form):
    """A value, and where it reaches."""

    key = forms.CharField(max_length=200, widget=mono(placeholder="DATABASE_URL"))
    value = CodeField(required=False, rows=3)
    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="All environments",
    )
    reach = forms.ChoiceField(label="For")
    is_sensitive = forms.BooleanField(
        required=False, label="Sensitive: never show it again, strike it out of logs"
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reach"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("project", f"{project} alone"),
            ("organization", f"every project of {project.org}"),
        ]
        choose(
            self,
            "environment",
            Environment.objects.in_org(project.org).filter(uses__project=project),
        )


class ValueForm(forms.Form):
    """A new value for a variable."""

    value = CodeField(required=False, rows=5)
    is_sensitive = forms.BooleanField(
        required=False, label="Sensitive: never show it again, strike it out of logs"
    )
