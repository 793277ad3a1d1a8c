"""The shapes of what people type on the agents' pages."""

from django import forms

from hydra.names import NameField


class AgentForm(forms.Form):
    name = NameField(max_length=100, help_text="The server it will run on, for example web-1.")
