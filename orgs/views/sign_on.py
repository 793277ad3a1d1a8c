"""Signing in at another door, by OpenID Connect.

Whose account it is decides the provider's own name for the person, never an e-mail address alone:
docs/decisions/0062-sign-on-links-nobody-by-surprise.md.
"""

from __future__ import annotations

from typing import Any, NoReturn

from allauth.account.adapter import get_adapter as accounts_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.views import SignupView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra import names
from hydra.errors import Refused
from hydra.htmx import render_page
from orgs.access import actor_of, fresh, is_fresh
from orgs.forms.accounts import SignOnForm
from orgs.models import BrowserSession, User
from orgs.services import accounts
from orgs.views import openid
from orgs.views.accounts import keep_frame, signed_in
from orgs.views.adapters import EmailTaken

CONNECTED, DISCONNECTED = "user.sign_on_connected", "user.sign_on_disconnected"

UNPROVED = (
    "{name} does not vouch for your e-mail address. Sign in here first, then connect {name} "
    "under Account, Security."
)
LINK_FIRST = (
    "There is an account with your e-mail address already. Sign in to it first, then connect "
    "{name} under Account, Security."
)
NOT_ASKED = "What {name} said was not meant for this sign-in. Try again."
AWAY = "{name} does not answer. Try again in a few minutes, or sign in another way."


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Decides what becomes of somebody whom the provider let in."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if not openid.is_answer(sociallogin):
            turn_away(request, say(NOT_ASKED))
        is_known = sociallogin.account.pk is not None
        if isinstance(request.user, User):
            self.serve_signed_in(request, sociallogin, request.user, is_known=is_known)
        elif not is_known:
            self.serve_stranger(request, sociallogin)

    def serve_signed_in(
        self, request: HttpRequest, sociallogin: SocialLogin, user: User, *, is_known: bool
    ) -> NoReturn:
        """Nobody changes into somebody else: the person confirms who they are, or connects."""
        if is_known and sociallogin.user != user:
            turn_away(request, "That belongs to another account here.", to="mfa_index")
        if is_known:
            record_authentication(request, user, "socialaccount", reauthenticated=True)
            raise ImmediateHttpResponse(redirect(sociallogin.state.get("next") or "orgs:home"))
        if sociallogin.state.get("process") != "connect" or not is_fresh(request):
            turn_away(request, "Nothing was connected.", to="mfa_index")
        connect(request, sociallogin, user)
        messages.success(request, say("{name} is connected."))
        raise ImmediateHttpResponse(redirect("mfa_index"))

    def serve_stranger(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        email = proved_email(sociallogin)
        if not email:
            turn_away(request, say(UNPROVED))
        if sociallogin.is_existing:  # by its proved address, where the settings allow that
            if not accounts.is_address_proved(sociallogin.user):
                self.part_from_whoever_signed_up(request, sociallogin.user)
            connect(request, sociallogin, sociallogin.user)
        elif User.objects.filter(email=email).exists():
            turn_away(request, say(LINK_FIRST))

    def part_from_whoever_signed_up(self, request: HttpRequest, user: User) -> None:
        """It may have been somebody else who waits for the owner of the address to come.

        Their password ends with the connection, and their sessions; what else would let them in
        is more than may be taken from an owner unasked, so nothing is connected then.
        """
        if accounts.has_more_than_a_password(user):
            turn_away(request, say(LINK_FIRST))
        everywhere = BrowserSession.objects.of(user)
        accounts.end_sessions(user, sessions=everywhere, by=actor_of(request, user))

    def new_user(self, request: HttpRequest, sociallogin: SocialLogin) -> User:
        """With a time of its own: the session it waits in knows no default of the database."""
        user: User = super().new_user(request, sociallogin)
        user.created_at = timezone.now()
        return user

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = names.made_plain(str(data.get("name") or ""))[:100]
        return user


def connect(request: HttpRequest, sociallogin: SocialLogin, user: User) -> None:
    with transaction.atomic():
        sociallogin.connect(request, user)
        data = {"provider": settings.HYDRA_OIDC_NAME}
        accounts.tell(user, CONNECTED, by=actor_of(request, user), data=data)


def proved_email(sociallogin: SocialLogin) -> str:
    """The address that the provider vouches for."""
    proved = [address.email.lower() for address in sociallogin.email_addresses if address.verified]
    return proved[0] if proved else ""


def turn_away(request: HttpRequest, words: str, *, to: str = "account_login") -> NoReturn:
    messages.error(request, words)
    raise ImmediateHttpResponse(redirect(to))


def say(words: str) -> str:
    return words.format(name=settings.HYDRA_OIDC_NAME)


@never_cache
@login_not_required
@require_POST
def start(request: HttpRequest, **_: str) -> HttpResponseBase:
    """Off to the provider. To connect it with the account takes a fresh sign-in."""
    if not settings.HYDRA_OIDC_ISSUER:
        raise Http404
    stopped: HttpResponse | None = ratelimit.consume_or_429(request, action="login")
    if stopped:
        return stopped
    begin = fresh(leave) if request.POST.get("process") == "connect" else leave
    return begin(request)


def leave(request: HttpRequest) -> HttpResponse:
    """By a page, not by a redirect: the policy lets no form lead to another site."""
    try:
        response: HttpResponse = openid.address_there(request)
    except OSError:  # of this kind is all that goes wrong on the way
        messages.error(request, say(AWAY))
        return redirect("account_login")
    if not response.has_header("Location"):
        return response
    context = {"address": response["Location"], "name": settings.HYDRA_OIDC_NAME}
    return render_page(request, "account/leaving.html", context)


@never_cache
@login_not_required
@require_GET
def callback(request: HttpRequest, **_: str) -> HttpResponse:
    if not settings.HYDRA_OIDC_ISSUER:
        raise Http404
    return openid.come_back(request)


@login_not_required
@require_GET
def cancelled(request: HttpRequest) -> HttpResponse:
    messages.error(request, say("You did not sign in with {name}."))
    return redirect("account_login")


class SignOn(SignupView):  # type: ignore[misc]  # allauth has no types
    """The first time: which organization they join or found. The address is the provider's."""

    form_class = SignOnForm
    template_name = "socialaccount/signup.html"

    def get_authenticated_redirect_url(self) -> str:
        return reverse("orgs:home")

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                response: HttpResponse = super().form_valid(form)
                return response
        except EmailTaken:
            messages.error(self.request, say(LINK_FIRST))
            return redirect("account_login")
        except Refused as refused:
            form.add_error("invite_code", refused.message)
        self.request.session["socialaccount_sociallogin"] = self.sociallogin.serialize()
        return self.form_invalid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


@fresh
@require_http_methods(["GET", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    account = get_object_or_404(SocialAccount.objects.filter(user=user)[:1])
    if request.method == "GET":
        keep_frame(request)
        context = {"name": settings.HYDRA_OIDC_NAME}
        return render_page(request, "account/sign_on_remove.html", context)
    accounts.disconnect(user, account=account, by=actor_of(request, user))
    context = {"provider": settings.HYDRA_OIDC_NAME}
    accounts_adapter(request).send_notification_mail(
        "socialaccount/email/account_disconnected", user, context
    )
    messages.success(request, say("{name} signs you in no more."))
    return redirect("mfa_index")
