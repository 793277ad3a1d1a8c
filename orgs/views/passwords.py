"""A way back in for whoever forgot their password: a link by mail, good once and for a while."""

from __future__ import annotations

from typing import Any

from allauth.account.views import PasswordResetFromKeyView, PasswordResetView
from django.contrib.auth import logout
from django.db import transaction
from django.forms import Form
from django.http import HttpResponse

from hydra.throttle import guess_of
from orgs.access import actor_of, address_of
from orgs.forms.accounts import ForgottenForm, NewPasswordForm
from orgs.services import accounts

NO_MAIL = (
    "The mail could not be sent. Try again in a few minutes, or ask your site administrator "
    "for a new password."
)


class Forgotten(PasswordResetView):  # type: ignore[misc]  # allauth has no types
    """Sends the link. The answer is the same whether there is such an account or not."""

    form_class = ForgottenForm

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except OSError:  # the mail server's refusals are of this kind too
            form.add_error(None, NO_MAIL)
            response = self.form_invalid(form)
        return response


class NewPassword(PasswordResetFromKeyView):  # type: ignore[misc]  # allauth has no types
    """Takes the new password from whoever came by the link, and ends every open session."""

    form_class = NewPasswordForm

    def form_valid(self, form: Form) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            if self.request.user == self.reset_user:
                logout(self.request)
            accounts.follow_new_password(
                self.reset_user,
                keep=None,
                by=actor_of(self.request, self.reset_user),
                data={"by": "a link in a mail"},
            )
        guess_of(address_of(self.request), "password", self.reset_user.email).was_right()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"person": self.reset_user}
