"""Account, Personal tokens."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hydra.htmx import render_page
from orgs.access import actor_of, fresh
from orgs.forms.keys import CredentialForm
from orgs.models import Membership, PersonalToken
from orgs.services import tokens
from orgs.services.credentials import Wish
from orgs.views import credentials
from orgs.views.accounts import keep_frame, signed_in
from orgs.views.credentials import Question

TRY_IT = """curl {address}/api/v1/orgs -H "Authorization: Bearer $HYDRA_TOKEN\""""


@require_GET
def token_list(request: HttpRequest) -> HttpResponse:
    return show(request)


@never_cache
@require_http_methods(["GET", "POST"])
@fresh
def token_create(request: HttpRequest) -> HttpResponse:
    """The answer itself shows the token, because nothing keeps it until another page asks."""
    if request.method == "GET":  # reloaded: the form stands in the list
        return redirect("orgs:tokens")
    user = signed_in(request)
    form = new_form(request, is_sent=True)
    if not form.is_valid():
        return show(request, form=form, status=422)
    made, token = tokens.create_token(
        user,
        wish=Wish(form.cleaned_data["name"], form.granted(), form.expires_at()),
        powers=tokens.powers_of(user),
        by=actor_of(request, user),
    )
    return show(request, made=made, token=token)


@never_cache
@require_http_methods(["GET", "POST"])
@fresh
def token_rotate(request: HttpRequest, uid: str) -> HttpResponse:
    user, old = signed_in(request), find(request, uid)

    def rotate(days: int) -> HttpResponse:
        new, token = tokens.rotate_token(
            old, overlap_days=days, powers=tokens.powers_of(user), by=actor_of(request, user)
        )
        return show(request, made=new, token=token)

    keep_frame(request)
    return credentials.ask_to_rotate(request, question(old, "rotate"), rotate)


@require_http_methods(["GET", "POST"])
@fresh
def token_revoke(request: HttpRequest, uid: str) -> HttpResponse:
    user, token = signed_in(request), find(request, uid)

    def revoke() -> None:
        tokens.revoke_token(token, by=actor_of(request, user))
        messages.success(request, f"{token} is revoked: nothing can use it any more.")

    keep_frame(request)
    return credentials.ask_to_revoke(request, question(token, "revoke"), revoke)


def find(request: HttpRequest, uid: str) -> PersonalToken:
    return get_object_or_404(PersonalToken.objects.of(signed_in(request)), uid=uid)


def question(token: PersonalToken, verb: str) -> Question:
    action = reverse(f"orgs:token-{verb}", args=[token.uid])
    return Question(token, "token", action, back=reverse("orgs:tokens"))


def new_form(request: HttpRequest, *, is_sent: bool = False) -> CredentialForm:
    user = signed_in(request)
    orgs = [membership.org for membership in Membership.objects.of(user)]
    return CredentialForm(
        request.POST if is_sent else None,
        powers=tokens.powers_of(user),
        limits=credentials.limits_in(orgs),
    )


def show(
    request: HttpRequest,
    *,
    form: CredentialForm | None = None,
    made: PersonalToken | None = None,
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    user = signed_in(request)
    keep_frame(request)
    rows, filters = credentials.narrowed(PersonalToken.objects.of(user), request)
    orgs = [membership.org for membership in Membership.objects.of(user)]
    page, shown = credentials.shown_page(request, rows, orgs=orgs)
    context = {
        "page": page,
        "shown": shown,
        "filters": filters,
        "form": form or new_form(request),
        "made": made,
        "token": token,
        "command": TRY_IT.format(address=settings.HYDRA_URL),
    }
    return render_page(request, "orgs/tokens.html", context, status=status)
