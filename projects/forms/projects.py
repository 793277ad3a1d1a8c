"""What people type about projects and what they are connected with."""

from __future__ import annotations

from typing import Any

from django import forms

from agents.models import Agent
from hydra.names import NameField
from orgs.models import Environment, Organization
from projects.forms.fields import NewForm, choose, mono
from projects.models import Application, Project


class ProjectForm(NewForm):
    environments = forms.ModelMultipleChoiceField(
        Environment.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where its applications can be deployed to. More can be added later.",
    )
    applications = forms.ModelMultipleChoiceField(
        Application.objects.none(),
        to_field_name="code",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it consists of. More can be connected later.",
    )

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "environments", Environment.objects.in_org(org))
        choose(self, "applications", Application.objects.in_org(org))


class ProjectSettingsForm(forms.Form):
    name = NameField(max_length=100)
    code = forms.CharField(
        max_length=60,
        help_text="Part of this page's address; pipelines hold on to it. Change it with care.",
        widget=mono(),
    )
    description = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )


class TypedNameForm(forms.Form):
    """The name of what is about to vanish, typed."""

    typed = forms.CharField(widget=forms.TextInput({"autocomplete": "off"}))

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["typed"].label = f"Type {name} to delete it"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.strip() != self.name:
            raise forms.ValidationError(f"This is not “{self.name}”. Nothing was deleted.")
        return typed


class ConnectForm(forms.Form):
    """An application that the project does not contain yet."""

    application = forms.ModelChoiceField(
        Application.objects.none(), to_field_name="code", empty_label="Choose an application"
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Application.objects.in_org(project.org).exclude(uses__project=project)
        choose(self, "application", rows)


def url_field() -> forms.CharField:
    return forms.CharField(
        label="URL",
        max_length=500,
        required=False,
        widget=mono(inputmode="url", placeholder="https://"),
    )


class AddEnvironmentForm(forms.Form):
    environment = forms.ModelChoiceField(
        Environment.objects.none(), to_field_name="slug", empty_label="Choose an environment"
    )
    url = url_field()

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Environment.objects.in_org(project.org).exclude(uses__project=project)
        choose(self, "environment", rows)


class UrlForm(forms.Form):
    url = url_field()


class LinkAgentForm(forms.Form):
    agent = forms.ModelChoiceField(
        Agent.objects.none(), to_field_name="uid", empty_label="Choose an agent"
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="All environments",
        label="In",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "agent", Agent.objects.in_org(project.org).live())
        choose(
            self,
            "environment",
            Environment.objects.in_org(project.org).filter(uses__project=project),
        )
