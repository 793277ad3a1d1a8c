"""What people type about applications and the steps of their deployments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django import forms

from hydra.names import NameField
from projects.forms.fields import CodeField, mono
from projects.models import Step, StepType


class ApplicationSettingsForm(forms.Form):
    name = NameField(max_length=100)
    code = forms.CharField(
        max_length=60,
        help_text="Pipelines send it as appCode. Change it there as well.",
        widget=mono(),
    )
    description = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )
    moving_names = forms.CharField(
        max_length=500,
        required=False,
        widget=mono(),
        help_text=(
            "A pattern of version names that are built again and again, such as branches: each "
            "time they are created is a new build. Other names are created once."
        ),
    )


class DeployScriptForm(forms.Form):
    deploy_script = CodeField(required=False, rows=20, label="Deploy script")


class StepForm(forms.Form):
    """What every step has: when it runs and what happens when it fails."""

    name = NameField(max_length=100)
    description = forms.CharField(max_length=500, required=False)
    timeout_seconds = forms.IntegerField(
        min_value=1, max_value=86_400, initial=60, label="Timeout in seconds"
    )
    retries = forms.IntegerField(min_value=0, max_value=10, initial=0)
    backoff_seconds = forms.IntegerField(
        min_value=0, max_value=3600, initial=1, label="Seconds before the first retry"
    )
    run_when = forms.CharField(
        max_length=300,
        initial="success",
        label="Run when",
        widget=mono(list="run-when"),
        help_text=(
            'always, success, failure, or a condition such as environment == "production" '
            'and like(version, "v1.*")'
        ),
    )
    needs = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Steps that have to succeed before this one.",
    )
    continue_on_error = forms.BooleanField(
        required=False, label="Go on with the deployment when it fails"
    )
    safe_to_repeat = forms.BooleanField(
        required=False, label="Safe to repeat, should an agent be lost in the middle of it"
    )

    def __init__(self, *args: Any, others: Iterable[Step], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["needs"].choices = [(step.uid, step.name) for step in others]  # type: ignore[attr-defined]  # a choice field


class ScriptStepForm(StepForm):
    field_order = ("name", "description", "type", "script")

    type = forms.ChoiceField(
        label="Written in",
        choices=[choice for choice in StepType.choices if choice[0] != StepType.TEMPLATE],
    )
    script = CodeField(rows=14)


class Asked(Protocol):
    """A parameter of a step template, as far as a form needs to know it."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def default(self) -> str: ...
    @property
    def is_required(self) -> bool: ...
    @property
    def choices(self) -> Sequence[tuple[str, str]]: ...
    @property
    def least(self) -> int: ...
    @property
    def most(self) -> int: ...


class TemplateStepForm(StepForm):
    """A step made from a template, with one field for each of its parameters."""

    def __init__(self, *args: Any, asked: Sequence[Asked], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = {f"parameters.{parameter.name}": parameter.name for parameter in asked}
        for parameter in asked:
            self.fields[f"parameters.{parameter.name}"] = parameter_field(parameter)
        self.order_fields(["name", "description", *self.asked])

    @property
    def parameters(self) -> dict[str, str]:
        return {name: str(self.cleaned_data[field]) for field, name in self.asked.items()}


def parameter_field(parameter: Asked) -> forms.Field:
    common: dict[str, Any] = {
        "label": parameter.label,
        "help_text": parameter.help,
        "required": parameter.is_required,
        "initial": parameter.default,
    }
    if parameter.kind == "number":
        return forms.IntegerField(min_value=parameter.least, max_value=parameter.most, **common)
    if parameter.kind == "choice":
        return forms.ChoiceField(choices=parameter.choices, **common)
    return forms.CharField(max_length=4000, widget=mono(), **common)


class BlockForm(forms.Form):
    """Why a version must not be deployed any more."""

    reason = forms.CharField(
        max_length=500,
        help_text="Shown wherever somebody tries to deploy it, such as “loses carts, use v1.4.2”.",
    )
