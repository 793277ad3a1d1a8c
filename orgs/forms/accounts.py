"""The shapes of what people type about their own accounts, and at the door."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import (
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SignupForm,
)
from django import forms
from django.contrib.auth.password_validation import get_default_password_validators


def shortest() -> int:
    """The length below which a password is refused."""
    validators = get_default_password_validators()
    return max(getattr(validator, "min_length", 0) for validator in validators)


class SignUpForm(SignupForm):  # type: ignore[misc]  # allauth has no types
    """A person, and the organization they join or found."""

    field_order = ("name", "email", "password1", "organization", "invite_code")

    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    organization = forms.CharField(
        max_length=100,
        required=False,
        help_text="What your team is called. Leave it empty if you have an invite code.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    invite_code = forms.CharField(
        label="Invite Code",
        max_length=100,
        required=False,
        help_text="Joins your team. Without one, a new organization is made.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "class": "mono", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields[
            "password1"
        ].help_text = f"At least {shortest()} characters; a sentence is fine."
        for name in ("email", "password1"):
            self.fields[name].widget.attrs.pop("placeholder", None)


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail"
        for name in ("login", "password"):
            self.fields[name].widget.attrs.pop("placeholder", None)
        self.fields["password"].help_text = ""


class ForgottenForm(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields["email"].widget.attrs.pop("placeholder", None)


class NewPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]  # allauth has no types
    """One password, typed once, as at the sign-up: the browser can show it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        password = self.fields["password1"]
        password.label = "New password"
        password.help_text = f"At least {shortest()} characters; a sentence is fine."
        password.widget.attrs.pop("placeholder", None)


class ConfirmPasswordForm(ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        password = self.fields["password"]
        password.help_text = ""
        password.widget.attrs.pop("placeholder", None)
        password.widget.attrs["autofocus"] = True
