"""Where django-allauth asks the product: what is saved, sent, sealed and slowed down."""

from __future__ import annotations

import base64
import smtplib
from functools import partial
from typing import Any, ClassVar

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from hydra import sealed
from hydra.errors import Refused
from hydra.sessions import CAME_FROM
from hydra.throttle import Guess, guess_of, in_words
from orgs.access import actor_of, address_of, is_fresh
from orgs.models import User
from orgs.models.failures import Proof
from orgs.models.sessions import LONGEST_USER_AGENT
from orgs.services import accounts, failures, organizations

log = structlog.get_logger(__name__)

EMAIL_TAKEN = "There is an account with this e-mail address already. Sign in instead."
SECOND_FACTOR_SEAL = sealed.binding("authenticator", row="-", field="secret", org="-")


class EmailTaken(Refused):
    """Two people signed up with one address at the same moment; this one was second."""

    code = "email_taken"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts and their mails."""

    error_messages: ClassVar[dict[str, str]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is wrong.",
        "email_taken": EMAIL_TAKEN,
        "incorrect_password": "The password is wrong.",
        "enter_current_password": "The password is wrong.",
    }
    guess: Guess | None = None

    # --- Saving -------------------------------------------------------------------------------

    def save_user(
        self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True
    ) -> User:
        """Save the new account with what it is for: a place in an organization."""
        user.name = accounts.plain_name(form.cleaned_data["name"])
        try:
            with transaction.atomic():
                super().save_user(request, user, form, commit)
        except IntegrityError as error:
            raise EmailTaken(EMAIL_TAKEN) from error
        organizations.welcome(
            user,
            code=form.cleaned_data["invite_code"],
            organization=form.cleaned_data["organization"],
            by=actor_of(request, user),
        )
        return user

    # --- Slowing down who guesses ---------------------------------------------------------------

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self.guess = guess_of(address_of(request), "password", credentials.get("email", ""))
        if wait := self.guess.count():
            raise forms.ValidationError(in_words(wait), code="too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        if user and self.guess:
            self.guess.was_right()
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        failures.count_failure(
            str(credentials.get("email") or ""), proof=Proof.PASSWORD, address=address_of(request)
        )

    def login(self, request: HttpRequest, user: User) -> None:
        """Whose session it is now, and from where: its owner finds it under Account, Sessions."""
        super().login(request, user)
        user_agent = request.headers.get("User-Agent", "")[:LONGEST_USER_AGENT]
        request.session[CAME_FROM] = [address_of(request), user_agent]

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        """Whoever just chose a password knows it: signing up is as fresh as signing in."""
        if how["signup"] and user.has_usable_password():
            record_authentication(request, user, "password")
        response: HttpResponse = super().post_login(request, user, **how)
        return response

    def is_reauthentication_required(self, **_: Any) -> bool:
        """django-allauth's own question, answered as `orgs.access.fresh` does."""
        return not is_fresh(self.request)

    # --- Mails --------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Written now, sent when what it tells of is certain."""
        transaction.on_commit(self.composed(template_prefix, email, context).send)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the owner what happened to their account. Without a mail server it goes on."""
        told = {
            "user": user,
            "happened_at": timezone.now(),
            "address": address_of(self.request),
            "user_agent": self.request.headers.get("User-Agent", ""),
        }
        message = self.composed(template_prefix, email or user.email, told | (context or {}))
        transaction.on_commit(partial(send_if_possible, message))

    def composed(self, template_prefix: str, email: str, context: dict[str, Any]) -> EmailMessage:
        given = {"request": self.request, "email": email, "hydra_url": settings.HYDRA_URL}
        message: EmailMessage = self.render_mail(template_prefix, email, given | context)
        return message

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link of the mail, at Hydra's public address whatever host was asked."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return f"{settings.HYDRA_URL}{path}"

    def get_email_confirmation_url(self, _request: HttpRequest, emailconfirmation: Any) -> str:
        return settings.HYDRA_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    # --- Where to -----------------------------------------------------------------------------

    def get_password_change_redirect_url(self, _request: HttpRequest) -> str:
        return reverse("mfa_index")

    def is_safe_url(self, url: str | None) -> bool:
        """Whether to go there after signing in: pages of this very host alone."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )


def send_if_possible(message: EmailMessage) -> None:
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail.not_sent", subject=message.subject, error=type(error).__name__)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Authenticator apps, recovery codes and passkeys."""

    error_messages: ClassVar[dict[str, str]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right. It may be used already, or too old.",
    }

    def encrypt(self, text: str) -> str:
        return base64.b64encode(sealed.seal(text, bound_to=SECOND_FACTOR_SEAL)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.open_text(base64.b64decode(encrypted_text), bound_to=SECOND_FACTOR_SEAL)

    def generate_authenticator_name(self, user: User, kind: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=kind).count()
        return f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Hydra"}
