"""Fields that several forms have: texts that are not prose, rows of one organization."""

from __future__ import annotations

from typing import Any

from django import forms

from hydra.names import NameField

LONGEST_QUOTED = 60
CODE_HELP = "Letters, digits, dots and dashes; part of addresses and scripts."


class CodeArea(forms.Textarea):
    """A text field for what is not prose."""

    def __init__(self, rows: int = 16) -> None:
        attrs = {"rows": rows, "spellcheck": "false", "autocomplete": "off", "wrap": "off"}
        super().__init__({**attrs, "class": "mono", "autocapitalize": "off", "data-editor": True})


class CodeField(forms.CharField):
    """A text that is kept as it is typed. Browsers send CR LF, which scripts cannot have."""

    def __init__(self, *, rows: int = 16, **options: Any) -> None:
        super().__init__(strip=False, widget=CodeArea(rows), **options)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


def mono(**attrs: str) -> forms.TextInput:
    return forms.TextInput({"class": "mono", "spellcheck": "false", "autocomplete": "off", **attrs})


class NewForm(forms.Form):
    """What is typed first about an application or a project."""

    name = NameField(max_length=100)
    code = forms.CharField(
        max_length=60,
        required=False,
        help_text=f"{CODE_HELP} Made from the name when empty.",
        widget=mono(),
    )
    description = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )


class ParsedForm(forms.Form):
    """A form with a text that is parsed when it is saved; says where the parser stopped."""

    error_line: int | None = None


def ignored(form: forms.Form) -> list[str]:
    """A sentence for each filter that names nothing, and so leaves the list as it is."""
    return [
        f"There is no {name} “{form.data.get(name, '')[:LONGEST_QUOTED]}”, so the list is not "
        "narrowed by it."
        for name in form.errors
    ]


def choose(form: forms.Form, name: str, rows: Any) -> None:
    """What a choice field offers; always rows of the caller's own organization."""
    form.fields[name].queryset = rows  # type: ignore[attr-defined]  # a model choice field
