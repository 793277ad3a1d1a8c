"""Account, Profile: the name and the e-mail address, which changes when the new one is proved."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hydra import throttle
from hydra.errors import Refused
from hydra.htmx import render_page, typed
from hydra.throttle import in_words
from orgs.access import actor_of, fresh
from orgs.forms.accounts import EmailForm, ProfileForm
from orgs.models import User
from orgs.services import accounts
from orgs.views.accounts import keep_frame, signed_in

SALT = "hydra.new-email"
GOOD_FOR_SECONDS = 3 * 24 * 3600
FREE_MAILS = 5
NO_MAIL = "The mail could not be sent. Your address stays as it is; try again in a few minutes."


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    form = ProfileForm(typed(request), initial={"name": user.name})
    if request.method == "POST":
        if not form.is_valid():
            return show(request, form=form, status=422)
        accounts.change_name(user, name=form.cleaned_data["name"], by=actor_of(request, user))
        messages.success(request, "Saved.")
        return redirect("orgs:profile")
    return show(request, form=form)


@require_POST
@fresh
def email_change(request: HttpRequest) -> HttpResponse:
    """Send a link to the new address. The answer is the same if somebody else has it."""
    user = signed_in(request)
    form = EmailForm(request.POST)
    if not form.is_valid():
        return show(request, email=form, status=422)
    if wait := throttle.count_try("email change", user.uid, free=FREE_MAILS):
        form.add_error("email", in_words(wait, "Enough links were sent."))
        return show(request, email=form, status=422)
    try:
        send_link(request, user, form.cleaned_data["email"].lower())
    except OSError:  # the mail server's refusals are of this kind too
        form.add_error("email", NO_MAIL)
        return show(request, email=form, status=422)
    messages.success(request, f"A link is on its way to {form.cleaned_data['email']}.")
    return redirect("orgs:profile")


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail: a button, because mail servers open links to look at them."""
    found = read(token)
    if found is None or request.method == "GET":
        context = {"found": found, "email": found[1] if found else ""}
        return render_page(request, "account/email_confirm_change.html", context)
    user, email = found
    old = user.email
    try:
        accounts.change_email(user, email=email, by=actor_of(request, user))
    except Refused as refused:
        return render_page(request, "account/email_confirm_change.html", {"refused": refused})
    get_adapter(request).send_notification_mail(
        "account/email/email_changed", user, {"new_email": email}, email=old
    )
    messages.success(request, f"Your e-mail address is {email} now.")
    return redirect("orgs:profile")


def send_link(request: HttpRequest, user: User, email: str) -> None:
    adapter = get_adapter(request)
    if User.objects.filter(email=email).exclude(pk=user.pk).exists():
        adapter.send_account_already_exists_mail(email)
        return
    token = signing.dumps({"user": user.uid, "email": email, "was": mark(user)}, salt=SALT)
    link = settings.HYDRA_URL + reverse("orgs:email-confirm", args=[token])
    adapter.send_mail("account/email/email_change", email, {"user": user, "link": link})


def read(token: str) -> tuple[User, str] | None:
    """Whose link it is and which address it proves, unless it is old or used."""
    try:
        said = signing.loads(token, salt=SALT, max_age=GOOD_FOR_SECONDS)
    except signing.BadSignature:
        return None
    user = User.objects.filter(uid=said["user"], is_active=True).first()
    if user is None or not constant_time_compare(mark(user), said["was"]):
        return None
    return user, said["email"]


def mark(user: User) -> str:
    """Changes with the address and the password: a link is good once, and not after a break-in.

    Each address that was proved is a row of its own, so that going back to an old one brings no
    old link back to life.
    """
    proved = EmailAddress.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    said = f"{user.email} {user.password} {proved.first() or 0}"
    return salted_hmac(SALT, said).hexdigest()[:32]


def show(
    request: HttpRequest,
    *,
    form: ProfileForm | None = None,
    email: EmailForm | None = None,
    status: int = 200,
) -> HttpResponse:
    keep_frame(request)
    context: dict[str, Any] = {
        "form": form or ProfileForm(initial={"name": signed_in(request).name}),
        "email_form": email or EmailForm(),
    }
    return render_page(request, "account/profile.html", context, status=status)
