"""Settings, Users & Permissions: who belongs here, and the codes by which others may."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from hydra.errors import Refused
from hydra.htmx import paged, render_page
from orgs.access import OrgRequest, Right, fresh, member
from orgs.forms.people import InviteSearchForm, RoleForm, SearchForm
from orgs.models import ApiKey, InviteCode, InviteCodeQuerySet, Membership, MembershipQuerySet, Role
from orgs.models.rights import grantable_by
from orgs.services import invites, memberships

RowsT = TypeVar("RowsT", MembershipQuerySet, InviteCodeQuerySet)


@require_GET
@member(Right.MEMBER_READ)
def member_list(request: OrgRequest) -> HttpResponse:
    search = SearchForm(request.GET)
    rows = found(Membership.objects.in_org(request.org), search)
    context = {
        "page": paged(request, rows.with_two_factor().by_name()),
        "search": search,
        "is_filtered": is_filtered(search),
        "touchable": touchable_by(request),
    }
    return render_page(request, "orgs/members.html", context | counts(request))


@require_http_methods(["GET", "POST"])
@member(Right.MEMBER_WRITE)
@fresh
def member_role(request: OrgRequest, uid: str) -> HttpResponse:
    membership = find(request, uid)
    posted = request.POST if request.method == "POST" else None
    form = RoleForm(posted, giver=request.access.role, initial={"role": membership.role})
    if form.is_valid():
        memberships.change_role(
            membership,
            role=(role := Role(form.cleaned_data["role"])),
            by=request.access.actor,
            user_pk=request.access.user_pk,
        )
        messages.success(request, f"{membership.user} is {role.label} now.")
        return redirect("orgs:members", request.org.slug)
    context = {"member": membership, "form": form, "why_not": why_not(request, membership)}
    status = 422 if form.is_bound else 200
    return render_page(request, "orgs/member_role.html", context, status=status, partial="dialog")


@require_http_methods(["GET", "POST"])
@member(Right.MEMBER_WRITE)
@fresh
def member_remove(request: OrgRequest, uid: str) -> HttpResponse:
    membership = find(request, uid)
    if request.method == "POST":
        memberships.remove_member(
            membership, by=request.access.actor, user_pk=request.access.user_pk
        )
        messages.success(request, f"{membership.user} is no longer a member.")
        return redirect("orgs:members", request.org.slug)
    theirs = InviteCode.objects.in_org(request.org).filter(created_by=membership.user)
    keys = ApiKey.objects.in_org(request.org).filter(created_by=membership.user)
    context = {
        "member": membership,
        "why_not": why_not(request, membership),
        "key_count": keys.live().count(),
        "invite_count": theirs.redeemable().count(),
    }
    return render_page(request, "orgs/member_remove.html", context, partial="dialog")


@require_GET
@member(Right.INVITE_READ)
def invite_list(request: OrgRequest) -> HttpResponse:
    return show_invites(request)


@never_cache
@require_http_methods(["GET", "POST"])
@member(Right.INVITE_WRITE)
@fresh
def invite_create(request: OrgRequest) -> HttpResponse:
    """The answer itself shows the code, because nothing keeps it until another page asks."""
    posted = request.POST if request.method == "POST" else None
    form = RoleForm(posted, giver=request.access.role)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        context = {"form": form}
        return render_page(
            request, "orgs/invite_new.html", context, status=status, partial="dialog"
        )
    invite, code = invites.create_invite(
        request.org,
        role=Role(form.cleaned_data["role"]),
        by=request.access.actor,
        creator=request.user,
        creator_role=request.access.role,
    )
    return show_invites(request, made=invite, code=code)


@require_http_methods(["GET", "POST"])
@member(Right.INVITE_WRITE)
def invite_revoke(request: OrgRequest, uid: str) -> HttpResponse:
    invite = get_object_or_404(InviteCode.objects.in_org(request.org).with_names(), uid=uid)
    if request.method == "POST":
        invites.revoke_invite(invite, by=request.access.actor)
        messages.success(request, f"The code {invite} is revoked.")
        return redirect("orgs:invites", request.org.slug)
    return render_page(request, "orgs/invite_revoke.html", {"invite": invite}, partial="dialog")


def show_invites(
    request: OrgRequest, *, made: InviteCode | None = None, code: str = ""
) -> HttpResponse:
    search = InviteSearchForm(request.GET)
    rows = found(InviteCode.objects.in_org(request.org).with_state(), search)
    if search.is_valid() and search.cleaned_data["state"]:
        rows = rows.in_state(search.cleaned_data["state"])
    sign_up = f"{settings.HYDRA_URL}{reverse('account_signup')}?{urlencode({'code': code})}"
    context = {
        "page": paged(request, rows.with_names()),
        "search": search,
        "is_filtered": is_filtered(search),
        "made": made,
        "code": code,
        "link": sign_up if made else "",
    }
    return render_page(request, "orgs/invites.html", context | counts(request))


def found(rows: RowsT, search: SearchForm) -> RowsT:
    """Those that fit the words and the role that were asked for."""
    if not search.is_valid():
        return rows
    if search.cleaned_data["q"]:
        rows = rows.called(search.cleaned_data["q"])
    if search.cleaned_data["role"]:
        rows = rows.filter(role=search.cleaned_data["role"])
    return rows


def is_filtered(search: SearchForm) -> bool:
    return search.is_valid() and any(search.cleaned_data.values())


def touchable_by(request: OrgRequest) -> frozenset[str]:
    """The roles of those members whom the viewer may change or remove."""
    if not request.access.allows(Right.MEMBER_WRITE):
        return frozenset()
    return frozenset(grantable_by(request.access.role))


def why_not(request: OrgRequest, membership: Membership) -> str:
    """Why the viewer may not touch this member; empty when they may."""
    acting = Membership.objects.in_org(request.org).get(user=request.user)
    try:
        memberships.require_may_touch(membership, acting=acting)
    except Refused as refused:
        return refused.message
    return ""


def find(request: OrgRequest, uid: str) -> Membership:
    return get_object_or_404(Membership.objects.in_org(request.org).with_names(), uid=uid)


def counts(request: OrgRequest) -> dict[str, int]:
    """What the tabs say in small print."""
    return {
        "member_count": Membership.objects.in_org(request.org).count(),
        "open_invites": InviteCode.objects.in_org(request.org).redeemable().count(),
    }
