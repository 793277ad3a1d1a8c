"""A way back in for whoever forgot their password: a link by mail, good once and for a while."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.account.views import PasswordResetFromKeyView, PasswordResetView
from allauth.core import ratelimit
from django.contrib.auth import logout
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from hydra.throttle import guess_of
from orgs.access import actor_of, address_of
from orgs.forms.accounts import ForgottenForm, NewPasswordForm
from orgs.models import User
from orgs.services import accounts

NO_MAIL = (
    "The mail could not be sent. Try again in a few minutes, or ask your site administrator "
    "for a new password."
)


class Forgotten(PasswordResetView):  # type: ignore[misc]  # allauth has no types
    """Sends the link. The answer is the same whether there is such an account or not."""

    form_class = ForgottenForm

    def form_valid(self, form: Form) -> HttpResponse:
        email = form.cleaned_data["email"]
        stopped: HttpResponse | None = ratelimit.consume_or_429(
            self.request, action="reset_password", key=email
        )
        if stopped:
            return stopped
        try:
            send_letter(self.request, email)
        except OSError:  # the mail server's refusals are of this kind too
            form.add_error(None, NO_MAIL)
            response: HttpResponse = self.form_invalid(form)
            return response
        return redirect(self.get_success_url())


def send_letter(request: HttpRequest, email: str) -> None:
    """Send the link, or that there is no account: the one is as much work as the other.

    Whoever measures how long the answer takes learns nothing: a link is made for nobody as well,
    both letters are written, and one of them is sent.
    """
    nobody = User(pk=0, email=email, password="!")  # noqa: S106  # as long as none is set
    user = User.objects.filter(email=email, is_active=True).first()
    somebody = user or nobody
    key = f"{user_pk_to_url_str(somebody)}-{default_token_generator.make_token(somebody)}"
    adapter = get_adapter(request)
    told = {"user": somebody, "password_reset_url": adapter.get_reset_password_from_key_url(key)}
    link = adapter.composed("account/email/password_reset_key", somebody.email, told)
    no_account = adapter.composed("account/email/unknown_account", email, {})
    transaction.on_commit((link if user else no_account).send)


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
