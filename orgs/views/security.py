"""Account, Security: the password, the authenticator app, recovery codes and passkeys."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.views import PasswordChangeView, PasswordSetView
from allauth.mfa.base.views import AuthenticateView, IndexView, ReauthenticateView
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from orgs.access import actor_of, address_of
from orgs.forms.accounts import (
    HAS_TO_WAIT,
    ActivateForm,
    ChangePasswordForm,
    CodeForm,
    ConfirmByCodeForm,
    ConfirmByPasskeyForm,
    PasskeyForm,
    PasskeyLoginForm,
    PasskeySecondForm,
    RenamePasskeyForm,
    SetPasswordForm,
)
from orgs.models import User
from orgs.models.failures import Proof
from orgs.services import accounts, failures
from orgs.views.accounts import keep_frame, signed_in


def as_json(options: Any) -> str:
    """What a script needs, for an attribute: pages carry no script of their own."""
    return json.dumps(options, cls=DjangoJSONEncoder)


PROOF_FIELDS = {Proof.PASSWORD: "oldpassword", Proof.CODE: "code"}


def count_wrong(proof: Proof, request: HttpRequest, form: Form, user: User) -> None:
    """What had to wait was not judged, and a passkey that fails is nobody's guess."""
    field = PROOF_FIELDS[proof]
    if form.has_error(field) and not form.has_error(field, HAS_TO_WAIT):
        failures.count_failure(user.email, proof=proof, address=address_of(request))


class Framed:
    """Within the account's pages: the frame of the organization stays around, mistakes are 422."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        keep_frame(self.request)
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a mixin
        return context

    def form_invalid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]  # a mixin
        response.status_code = 422
        return response


class Told(Framed):
    """A change of the account that is written into the log in the transaction that makes it."""

    verb = ""
    details: dict[str, Any] | None = None

    def form_valid(self, form: Form) -> HttpResponse:
        user = signed_in(self.request)
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)  # type: ignore[misc]  # a mixin
            self.tell(user)
        return response

    def tell(self, user: User) -> None:
        accounts.tell(user, self.verb, by=actor_of(self.request, user), data=self.details)


class NewPassword(Told):
    """The browser at hand stays signed in, and no other."""

    def tell(self, user: User) -> None:
        keep = self.request.session.session_key
        accounts.follow_new_password(user, keep=keep, by=actor_of(self.request, user))


class Security(Framed, IndexView):  # type: ignore[misc]  # allauth has no types
    template_name = "account/security.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = signed_in(self.request)
        return super().get_context_data(**kwargs) | {
            "sign_on": settings.HYDRA_OIDC_ISSUER and settings.HYDRA_OIDC_NAME,
            "is_connected": SocialAccount.objects.filter(user=user).exists(),
        }


class ChangePassword(NewPassword, PasswordChangeView):  # type: ignore[misc]  # allauth has no types
    form_class = ChangePasswordForm

    def form_invalid(self, form: Form) -> HttpResponse:
        count_wrong(Proof.PASSWORD, self.request, form, signed_in(self.request))
        return super().form_invalid(form)


class SetPassword(NewPassword, PasswordSetView):  # type: ignore[misc]  # allauth has no types
    """For whoever has none, because they sign in elsewhere."""

    form_class = SetPasswordForm


class Activate(Told, ActivateTOTPView):  # type: ignore[misc]  # allauth has no types
    form_class = ActivateForm
    template_name = "mfa/activate.html"
    verb = "user.two_factor_enabled"
    details = {"with": "authenticator app"}  # never written to


class Deactivate(Told, DeactivateTOTPView):  # type: ignore[misc]  # allauth has no types
    template_name = "mfa/deactivate.html"
    verb = "user.two_factor_disabled"
    details = {"with": "authenticator app"}  # never written to


class RecoveryCodes(Framed, ViewRecoveryCodesView):  # type: ignore[misc]  # allauth has no types
    template_name = "mfa/recovery_codes.html"


class RenewRecoveryCodes(Told, GenerateRecoveryCodesView):  # type: ignore[misc]  # allauth has no types
    template_name = "mfa/recovery_codes_new.html"
    verb = "user.recovery_codes_renewed"


class AddPasskey(Told, AddWebAuthnView):  # type: ignore[misc]  # allauth has no types
    """A passkey proves the device and the person at once, so it suffices for signing in."""

    form_class = PasskeyForm
    template_name = "mfa/passkey_add.html"
    verb = "user.passkey_added"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        options = webauthn.begin_registration(signed_in(self.request), passwordless=True)
        return context | {"options": as_json(options)}


class RenamePasskey(Framed, EditWebAuthnView):  # type: ignore[misc]  # allauth has no types
    form_class = RenamePasskeyForm
    template_name = "mfa/passkey_rename.html"
    success_url = reverse_lazy("mfa_index")


class RemovePasskey(Told, RemoveWebAuthnView):  # type: ignore[misc]  # allauth has no types
    template_name = "mfa/passkey_remove.html"
    success_url = reverse_lazy("mfa_index")
    verb = "user.passkey_removed"


class SecondFactor(AuthenticateView):  # type: ignore[misc]  # allauth has no types
    """The second question at the door, after the password."""

    form_class = CodeForm
    webauthn_form_class = PasskeySecondForm
    template_name = "mfa/authenticate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        user = self.stage.login.user
        return context | {
            "options": as_json(context["js_data"]["request_options"]),
            "kinds": set(user.authenticator_set.values_list("type", flat=True)),
        }

    def form_invalid(self, form: Form) -> HttpResponse:
        count_wrong(Proof.CODE, self.request, form, self.stage.login.user)
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


class PasskeySignIn(LoginWebAuthnView):  # type: ignore[misc]  # allauth has no types
    form_class = PasskeyLoginForm


class ConfirmByCode(ReauthenticateView):  # type: ignore[misc]  # allauth has no types
    form_class = ConfirmByCodeForm
    template_name = "mfa/reauthenticate.html"

    def form_invalid(self, form: Form) -> HttpResponse:
        count_wrong(Proof.CODE, self.request, form, signed_in(self.request))
        response: HttpResponse = super().form_invalid(form)
        return response


class ConfirmByPasskey(ReauthenticateWebAuthnView):  # type: ignore[misc]  # allauth has no types
    form_class = ConfirmByPasskeyForm
    template_name = "mfa/reauthenticate_passkey.html"

    def form_invalid(self, form: Form) -> HttpResponse:
        context = self.get_context_data(form=form)
        response: HttpResponse = self.render_to_response(context, status=422)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"options": as_json(context["js_data"]["request_options"])}
