"""Settings, API Keys."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hydra.htmx import paged, render_page
from orgs.access import OrgRequest, Right, fresh, member
from orgs.forms import ApiKeyForm
from orgs.models import ApiKey
from orgs.services import keys
from orgs.services.credentials import Wish

# A backslash ends each line of the command, as a shell wants it.
TRY_IT = """curl -X POST {address}/api/externals/version/create \\
  -H "Authorization: Bearer $HYDRA_KEY" -H "Content-Type: application/json" \\
  -d '{{"appCode": "…", "version": "v1.0.0"}}'"""


@require_GET
@member(Right.API_KEY_READ)
def key_list(request: OrgRequest) -> HttpResponse:
    return show(request, form=ApiKeyForm())


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.API_KEY_WRITE)
@fresh
def key_create(request: OrgRequest) -> HttpResponse:
    """The answer itself shows the token, because nothing keeps it until another page asks."""
    if request.method == "GET":  # reloaded: the form stands in the list
        return redirect("orgs:keys", request.org.slug)
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return show(request, form=form, status=422)
    wish = Wish(
        form.cleaned_data["name"], tuple(form.cleaned_data["permissions"]), form.expires_at()
    )
    key, token = keys.create_key(
        request.org,
        wish=wish,
        powers=request.access.powers,
        by=request.access.actor,
        creator=request.user,
    )
    return show(request, form=ApiKeyForm(), made=key, token=token)


@require_http_methods(["GET", "POST"])
@member(Right.API_KEY_WRITE)
@fresh
def key_revoke(request: OrgRequest, uid: str) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.in_org(request.org).with_names(), uid=uid)
    if request.method == "POST":
        keys.revoke_key(key, by=request.access.actor)
        messages.success(request, f"{key} is revoked: nothing can use it any more.")
        return redirect("orgs:keys", request.org.slug)
    return render_page(request, "orgs/key_revoke.html", {"key": key}, partial="dialog")


def show(
    request: OrgRequest,
    *,
    form: ApiKeyForm,
    made: ApiKey | None = None,
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "page": paged(request, ApiKey.objects.in_org(request.org).with_names()),
        "form": form,
        "made": made,
        "token": token,
        "command": TRY_IT.format(address=settings.HYDRA_URL),
    }
    return render_page(request, "orgs/keys.html", context, status=status)
