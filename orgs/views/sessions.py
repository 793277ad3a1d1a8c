"""Account, Sessions: where one is signed in, and signing out there."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from hydra.htmx import render_page
from orgs.access import actor_of
from orgs.services import accounts
from orgs.views.accounts import keep_frame, signed_in


@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    keep_frame(request)
    sessions = UserSession.objects.purge_and_list(signed_in(request))
    newest_first = sorted(sessions, key=lambda session: session.created_at, reverse=True)
    context = {"sessions": newest_first, "here": request.session.session_key}
    return render_page(request, "account/sessions.html", context)


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    user = signed_in(request)
    session = get_object_or_404(UserSession.objects.filter(user=user), pk=pk)
    accounts.end_sessions(user, sessions=[session], by=actor_of(request, user))
    return went_out(request, "Signed out there.")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Everywhere, or everywhere but here."""
    user = signed_in(request)
    sessions = UserSession.objects.filter(user=user)
    if request.POST.get("keep") == "this":
        sessions = sessions.exclude(session_key=request.session.session_key)
    count = accounts.end_sessions(user, sessions=list(sessions), by=actor_of(request, user))
    words = "Nobody was signed in elsewhere." if not count else f"Signed out of {count} browsers."
    if count == 1:
        words = "Signed out of one browser."
    return went_out(request, words)


def went_out(request: HttpRequest, words: str) -> HttpResponse:
    """Back to the list, or to the door if this browser was among them."""
    if not request.session.exists(request.session.session_key or ""):
        get_adapter(request).logout(request)
        return redirect("account_login")
    messages.success(request, words)
    return redirect("orgs:sessions")
