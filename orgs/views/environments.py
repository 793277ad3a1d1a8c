"""Settings, Environments."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.errors import Conflict
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.forms import EnvironmentForm
from orgs.models import Environment
from orgs.services import environments


@require_GET
@member(Right.ENVIRONMENT_READ)
def environment_list(request: OrgRequest) -> HttpResponse:
    return show(request, EnvironmentForm())


@require_http_methods(["GET", "POST"])
@member(Right.ENVIRONMENT_WRITE)
def environment_create(request: OrgRequest) -> HttpResponse:
    if request.method == "GET":  # reloaded: the form stands in the list
        return redirect("orgs:environments", request.org.slug)
    form = EnvironmentForm(request.POST)
    if form.is_valid():
        try:
            made = environments.create_environment(
                request.org, name=form.cleaned_data["name"], by=request.access.actor
            )
        except Conflict as refused:
            form.add_error("name", refused.message)
        else:
            messages.success(request, f"{made} is the last in the order.")
            return redirect("orgs:environments", request.org.slug)
    return show(request, form, status=422)


@require_POST
@member(Right.ENVIRONMENT_WRITE)
def environment_order(request: OrgRequest) -> HttpResponse:
    """Save the order as it was dragged; without JavaScript one place up or down at a time."""
    uids = request.POST.getlist("uid")
    moved, step = request.POST.get("up"), -1
    if moved is None:
        moved, step = request.POST.get("down"), 1
    if moved in uids:
        at = uids.index(moved)
        to = min(max(at + step, 0), len(uids) - 1)
        uids.insert(to, uids.pop(at))
    try:
        environments.save_order(
            request.org,
            uids=uids,
            was=request.POST.getlist("was") or None,
            by=request.access.actor,
        )
    except environments.OrderChanged as changed:
        return ask_which(request, uids, changed.message)
    messages.success(request, "The order is saved.")
    return redirect("orgs:environments", request.org.slug)


def ask_which(request: OrgRequest, uids: list[str], sentence: str) -> HttpResponse:
    """Both orders beside each other: the one of now, and the one that was not saved."""
    now = list(Environment.objects.in_org(request.org))
    known = {environment.uid: environment for environment in now}
    mine = [known[uid] for uid in uids if uid in known]
    context = {"now": now, "mine": mine, "sentence": sentence}
    return render_page(request, "orgs/environment_order.html", context, status=409)


@require_http_methods(["GET", "POST"])
@member(Right.ENVIRONMENT_WRITE)
def environment_rename(request: OrgRequest, uid: str) -> HttpResponse:
    environment = find(request, uid)
    # Its dialog opens on the list, which has a field of that name already.
    form = EnvironmentForm(posted(request), initial={"name": environment.name}, auto_id="rename_%s")
    if form.is_valid():
        try:
            renamed = environments.rename_environment(
                environment, name=form.cleaned_data["name"], by=request.access.actor
            )
        except Conflict as refused:
            form.add_error("name", refused.message)
        else:
            messages.success(request, f"It is called {renamed} now.")
            return redirect("orgs:environments", request.org.slug)
    context = {"environment": environment, "form": form}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "orgs/environment_rename.html", context, status=status, partial="dialog"
    )


@require_http_methods(["GET", "POST"])
@member(Right.ENVIRONMENT_WRITE)
def environment_delete(request: OrgRequest, uid: str) -> HttpResponse:
    environment = find(request, uid)
    if request.method == "POST":
        environments.delete_environment(environment, by=request.access.actor)
        messages.success(request, f"{environment} is deleted.")
        return redirect("orgs:environments", request.org.slug)
    uses = list(environments.uses_of(environment))
    context = {"environment": environment, "uses": uses}
    return render_page(request, "orgs/environment_delete.html", context, partial="dialog")


def posted(request: OrgRequest) -> QueryDict | None:
    """What was sent, also when that is nothing at all."""
    return request.POST if request.method == "POST" else None


def find(request: OrgRequest, uid: str) -> Environment:
    return get_object_or_404(Environment.objects.in_org(request.org), uid=uid)


def show(request: OrgRequest, form: EnvironmentForm, *, status: int = 200) -> HttpResponse:
    context = {
        "environments": Environment.objects.in_org(request.org).with_uses(),
        "form": form,
    }
    return render_page(request, "orgs/environments.html", context, status=status)
