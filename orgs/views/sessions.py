"""Account, Sessions: where one is signed in, and signing out there."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from hydra.htmx import render_page
from orgs.access import actor_of
from orgs.models import BrowserSession
from orgs.models.sessions import digest_of
from orgs.services import accounts
from orgs.views.accounts import keep_frame, signed_in


@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    keep_frame(request)
    sessions = BrowserSession.objects.of(signed_in(request)).signed_in().defer("content_sealed")
    here = digest_of(request.session.session_key or "")
    context = {"sessions": sessions.order_by("-created_at"), "here": here}
    return render_page(request, "account/sessions.html", context)


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    user = signed_in(request)
    session = get_object_or_404(BrowserSession.objects.of(user), pk=pk)
    chosen = BrowserSession.objects.filter(pk=session.pk)
    accounts.end_sessions(user, sessions=chosen, by=actor_of(request, user))
    return went_out(request, "Signed out there.")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Everywhere, or everywhere but here."""
    user = signed_in(request)
    sessions = BrowserSession.objects.of(user)
    if request.POST.get("keep") == "this":
        sessions = sessions.exclude(digest=digest_of(request.session.session_key or ""))
    count = accounts.end_sessions(user, sessions=sessions, by=actor_of(request, user))
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
