"""The shapes of what people type about their own accounts, and at the door."""

from __future__ import annotations

import struct
from typing import Any

from allauth.account.forms import (
    ChangePasswordForm as LibraryChangePasswordForm,
)
from allauth.account.forms import (
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SignupForm,
)
from allauth.account.forms import (
    SetPasswordForm as LibrarySetPasswordForm,
)
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.socialaccount.forms import SignupForm as SocialSignupForm
from django import forms
from django.contrib.auth.password_validation import get_default_password_validators

from hydra.names import NameField
from hydra.throttle import guess_of, in_words
from orgs.access import address_of

HAS_TO_WAIT = "has_to_wait"  # the code of an error


def shortest() -> int:
    """The length below which a password is refused."""
    validators = get_default_password_validators()
    return max(getattr(validator, "min_length", 0) for validator in validators)


class PlaceForm(forms.Form):
    """Which organization a new person joins or founds."""

    name = NameField(
        max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    organization = NameField(
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


class SignUpForm(PlaceForm, SignupForm):  # type: ignore[misc]  # allauth has no types
    """A person, and the organization they join or found."""

    field_order = ("name", "email", "password1", "organization", "invite_code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields[
            "password1"
        ].help_text = f"At least {shortest()} characters; a sentence is fine."
        for name in ("email", "password1"):
            self.fields[name].widget.attrs.pop("placeholder", None)


class SignOnForm(PlaceForm, SocialSignupForm):  # type: ignore[misc]  # allauth has no types
    """The same for whom a provider let in: the address is the one that it vouches for."""

    field_order = ("name", "organization", "invite_code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["email"]
        self.initial["name"] = self.sociallogin.user.name

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        proved = [each.email for each in self.sociallogin.email_addresses if each.verified]
        if not proved:
            raise forms.ValidationError("The address is not proved.")
        self.cleaned_data["email"] = given["email"] = proved[0].lower()
        return given


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

    def clean_email(self) -> str:
        """The library would look for the account here already, in two ways if there is one."""
        return str(self.cleaned_data["email"]).lower()


def word_new_password(field: forms.Field) -> None:
    field.label = "New password"
    field.help_text = f"At least {shortest()} characters; a sentence is fine."
    field.widget.attrs.pop("placeholder", None)


class NewPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]  # allauth has no types
    """One password, typed once, as at the sign-up: the browser can show it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        word_new_password(self.fields["password1"])


class ConfirmPasswordForm(ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        password = self.fields["password"]
        password.help_text = ""
        password.widget.attrs.pop("placeholder", None)
        password.widget.attrs["autofocus"] = True


class ProfileForm(forms.Form):
    name = NameField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))


class EmailForm(forms.Form):
    email = forms.EmailField(
        label="New e-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class ChangePasswordForm(LibraryChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """The new one once, as at the sign-up: the browser can show it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        old = self.fields["oldpassword"]
        old.label, old.help_text = "Present password", ""
        old.widget.attrs.pop("placeholder", None)
        word_new_password(self.fields["password1"])

    def clean_oldpassword(self) -> str:
        """Guessed here it counts as it does at the door."""
        guess = guess_of(address_of(context.request), "password", self.user.email)
        if wait := guess.count():
            raise forms.ValidationError(in_words(wait), code=HAS_TO_WAIT)
        password: str = super().clean_oldpassword()
        guess.was_right()
        return password


class SetPasswordForm(LibrarySetPasswordForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        word_new_password(self.fields["password1"])


CODE_ATTRS = {
    "autocomplete": "one-time-code",
    "class": "mono",
    "spellcheck": "false",
    "autofocus": True,
}


class ActivateForm(ActivateTOTPForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.label = "Code of the app"
        code.widget = forms.TextInput(attrs={**CODE_ATTRS, "inputmode": "numeric"})


class Slowed:
    """A code that is asked for: guessing it is slowed down as guessing a password is."""

    user: Any
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.label = "Code"
        code.help_text = "Of the app on your phone, or one of your recovery codes."
        code.widget = forms.TextInput(attrs=CODE_ATTRS)

    def clean_code(self) -> str:
        guess = guess_of(address_of(context.request), "code", self.user.email)
        if wait := guess.count():
            raise forms.ValidationError(in_words(wait), code=HAS_TO_WAIT)
        code: str = super().clean_code()  # type: ignore[misc]  # a mixin
        guess.was_right()
        return code


class CodeForm(Slowed, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    pass


class ConfirmByCodeForm(Slowed, ReauthenticateByCodeForm):  # type: ignore[misc]  # allauth has no types
    pass


# What the library raises over a credential that somebody made up.
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)
NO_PASSKEY = "What the browser sent is no passkey. Try again."


class Sound:
    """A credential is read before it is believed: nonsense is an error at the form, not of ours."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]  # a mixin
        except MALFORMED as error:
            raise forms.ValidationError(NO_PASSKEY) from error


class PasskeyLoginForm(Sound, LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    pass


class PasskeySecondForm(Sound, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    pass


class ConfirmByPasskeyForm(Sound, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    pass


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    name = NameField(
        max_length=100,
        required=False,
        help_text="What you know it by, such as the device it lives on.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless", None)  # all of ours are

    def clean(self) -> dict[str, Any]:
        try:
            given: dict[str, Any] = super().clean()
        except MALFORMED as error:
            raise forms.ValidationError(NO_PASSKEY) from error
        return given


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    name = NameField(max_length=100)
