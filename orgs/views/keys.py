"""Settings, API Keys."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, fresh, member
from orgs.forms.keys import CredentialForm
from orgs.models import ApiKey
from orgs.services import keys
from orgs.services.credentials import Wish
from orgs.views import credentials
from orgs.views.credentials import Question

# A backslash ends each line of the command, as a shell wants it.
TRY_IT = """curl -X POST {address}/api/externals/version/create \\
  -H "Authorization: Bearer $HYDRA_KEY" -H "Content-Type: application/json" \\
  -d '{{"appCode": "…", "version": "v1.0.0"}}'"""


@require_GET
@member(Right.API_KEY_READ)
def key_list(request: OrgRequest) -> HttpResponse:
    return show(request)


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.API_KEY_WRITE)
@fresh
def key_create(request: OrgRequest) -> HttpResponse:
    """The answer itself shows the token, because nothing keeps it until another page asks."""
    if request.method == "GET":  # reloaded: the form stands in the list
        return redirect("orgs:keys", request.org.slug)
    form = CredentialForm(
        request.POST, powers=request.access.powers, limits=credentials.limits_in([request.org])
    )
    if not form.is_valid():
        return show(request, form=form, status=422)
    key, token = keys.create_key(
        request.org,
        wish=Wish(form.cleaned_data["name"], form.granted(), form.expires_at()),
        powers=request.access.powers,
        by=request.access.actor,
        creator=request.user,
    )
    return show(request, made=key, token=token)


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.API_KEY_WRITE)
@fresh
def key_rotate(request: OrgRequest, uid: str) -> HttpResponse:
    key = find(request, uid)

    def rotate(days: int) -> HttpResponse:
        new, token = keys.rotate_key(
            key,
            overlap_days=days,
            powers=request.access.powers,
            by=request.access.actor,
            creator=request.user,
        )
        return show(request, made=new, token=token)

    return credentials.ask_to_rotate(request, question(request, key, "rotate"), rotate)


@require_http_methods(["GET", "POST"])
@member(Right.API_KEY_WRITE)
@fresh
def key_revoke(request: OrgRequest, uid: str) -> HttpResponse:
    key = find(request, uid)

    def revoke() -> None:
        keys.revoke_key(key, by=request.access.actor)
        messages.success(request, f"{key} is revoked: nothing can use it any more.")

    return credentials.ask_to_revoke(request, question(request, key, "revoke"), revoke)


def find(request: OrgRequest, uid: str) -> ApiKey:
    return get_object_or_404(ApiKey.objects.in_org(request.org).with_names(), uid=uid)


def question(request: OrgRequest, key: ApiKey, verb: str) -> Question:
    slug = request.org.slug
    action = reverse(f"orgs:key-{verb}", args=[slug, key.uid])
    return Question(key, "key", action, back=reverse("orgs:keys", args=[slug]))


def show(
    request: OrgRequest,
    *,
    form: CredentialForm | None = None,
    made: ApiKey | None = None,
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    orgs = [request.org]
    rows, filters = credentials.narrowed(ApiKey.objects.in_org(request.org).with_names(), request)
    page, shown = credentials.shown_page(request, rows, orgs=orgs)
    context = {
        "page": page,
        "shown": shown,
        "filters": filters,
        "form": form
        or CredentialForm(powers=request.access.powers, limits=credentials.limits_in(orgs)),
        "made": made,
        "token": token,
        "command": TRY_IT.format(address=settings.HYDRA_URL),
    }
    return render_page(request, "orgs/keys.html", context, status=status)
