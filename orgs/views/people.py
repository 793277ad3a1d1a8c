"""Settings, Users & Permissions: who belongs here, and the codes by which others may."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hydra.htmx import paged, render_page
from orgs.access import OrgRequest, Right, member
from orgs.forms import InviteForm
from orgs.models import InviteCode, Membership, Role
from orgs.services import invites


@require_GET
@member(Right.MEMBER_READ)
def member_list(request: OrgRequest) -> HttpResponse:
    context = {"page": paged(request, Membership.objects.in_org(request.org).by_name())}
    return render_page(request, "orgs/members.html", context | counts(request))


@require_GET
@member(Right.INVITE_READ)
def invite_list(request: OrgRequest) -> HttpResponse:
    return show(request, form=InviteForm(giver=request.access.role))


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.INVITE_WRITE)
def invite_create(request: OrgRequest) -> HttpResponse:
    """The answer itself shows the code, because nothing keeps it until another page asks."""
    if request.method == "GET":  # reloaded: the form stands in the list
        return redirect("orgs:invites", request.org.slug)
    form = InviteForm(request.POST, giver=request.access.role)
    if not form.is_valid():
        return show(request, form=form, status=422)
    invite, code = invites.create_invite(
        request.org,
        role=Role(form.cleaned_data["role"]),
        by=request.access.actor,
        creator=request.user,
        creator_role=request.access.role,
    )
    return show(request, form=InviteForm(giver=request.access.role), made=invite, code=code)


@require_http_methods(["GET", "POST"])
@member(Right.INVITE_WRITE)
def invite_revoke(request: OrgRequest, uid: str) -> HttpResponse:
    invite = get_object_or_404(InviteCode.objects.in_org(request.org).with_names(), uid=uid)
    if request.method == "POST":
        invites.revoke_invite(invite, by=request.access.actor)
        messages.success(request, f"The code {invite} is revoked.")
        return redirect("orgs:invites", request.org.slug)
    return render_page(request, "orgs/invite_revoke.html", {"invite": invite}, partial="dialog")


def show(
    request: OrgRequest,
    *,
    form: InviteForm,
    made: InviteCode | None = None,
    code: str = "",
    status: int = 200,
) -> HttpResponse:
    sign_up = f"{settings.HYDRA_URL}{reverse('account_signup')}?{urlencode({'code': code})}"
    context = {
        "page": paged(request, InviteCode.objects.in_org(request.org).with_state().with_names()),
        "form": form,
        "made": made,
        "code": code,
        "link": sign_up if made else "",
    }
    return render_page(request, "orgs/invites.html", context | counts(request), status=status)


def counts(request: OrgRequest) -> dict[str, int]:
    """What the tabs say in small print."""
    return {
        "member_count": Membership.objects.in_org(request.org).count(),
        "open_invites": InviteCode.objects.in_org(request.org).redeemable().count(),
    }
