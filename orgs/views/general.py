"""Settings, General: what the organization says of itself, who owns it, and its end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from hydra.errors import Refused
from hydra.htmx import render_page
from orgs.access import LAST_ORG, OrgRequest, Right, fresh, member
from orgs.forms.general import STAYS, DeletionForm, GeneralForm, TransferForm
from orgs.models import Membership, MembershipQuerySet, Role
from orgs.services import deletion, memberships, organizations


@require_GET
@member(Right.ORGANIZATION_READ)
def general(request: OrgRequest) -> HttpResponse:
    return show(request, form_of(request))


@require_http_methods(["GET", "POST"])
@member(Right.ORGANIZATION_UPDATE)
def general_save(request: OrgRequest) -> HttpResponse:
    if request.method == "GET":  # reloaded: the form stands on the page
        return redirect("orgs:general", request.org.slug)
    form = form_of(request, request.POST)
    if form.is_valid():
        try:
            org = organizations.update_organization(
                request.org,
                changes=organizations.OrganizationChanges(**form.cleaned_data),  # type: ignore[typeddict-item]  # the form has exactly these fields
                by=request.access.actor,
                user_pk=request.access.user_pk,
            )
        except organizations.TwoFactorFirst as refused:
            form.add_error("requires_two_factor", refused.message)
        else:
            messages.success(request, f"The settings of {org} are saved.")
            return redirect("orgs:general", org.slug)
    return show(request, form, status=422)


@require_http_methods(["GET", "POST"])
@member(Right.ORGANIZATION_DELETE)
@fresh
def transfer(request: OrgRequest) -> HttpResponse:
    others = others_than(request).by_name()
    posted = request.POST if request.method == "POST" else None
    form = TransferForm(posted, others=others)
    if form.is_valid():
        heir = memberships.transfer_ownership(
            get_object_or_404(others, uid=form.cleaned_data["heir"]),
            keeps_owner=form.cleaned_data["left_as"] == STAYS,
            by=request.access.actor,
            user_pk=request.access.user_pk,
        )
        messages.success(request, f"{heir.user} owns {request.org} now.")
        return redirect("orgs:general", request.org.slug)
    context = {"form": form, "has_others": others.exists()}
    status = 422 if form.is_bound else 200
    return render_page(request, "orgs/transfer.html", context, status=status)


@require_http_methods(["GET", "POST"])
@member(Right.ORGANIZATION_DELETE)
@fresh
def delete(request: OrgRequest) -> HttpResponse:
    form = DeletionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            deletion.delete_organization(
                request.org,
                typed=form.cleaned_data["name"],
                by=request.access.actor,
                user_pk=request.access.user_pk,
            )
        except Refused as refused:
            form.add_error("name", refused.message)
        else:
            request.session.pop(LAST_ORG, None)
            messages.success(request, f"{request.org} is deleted, with everything in it.")
            return redirect("orgs:account")
    context: dict[str, Any] = {
        "form": form,
        "contents": sorted(deletion.contents_of(request.org), reverse=True),
        "most": deletion.COUNTED_AT_MOST,
        "why_not": why_not_now(request),
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "orgs/delete.html", context, status=status)


def why_not_now(request: OrgRequest) -> str:
    """What stands in the way of the end, such as a deployment that runs; empty when nothing."""
    try:
        deletion.require_deletable(request.org)
    except Refused as refused:
        return refused.message
    return ""


def form_of(request: OrgRequest, typed: Any = None) -> GeneralForm:
    is_owner = request.access.role == Role.OWNER
    return GeneralForm(typed, org=request.org, is_owner=is_owner)


def others_than(request: OrgRequest) -> MembershipQuerySet:
    return Membership.objects.in_org(request.org).exclude(user=request.user)


def show(request: OrgRequest, form: GeneralForm, *, status: int = 200) -> HttpResponse:
    return render_page(request, "orgs/general.html", {"form": form}, status=status)
