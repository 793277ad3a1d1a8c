"""Confirming that it is still the same person, and going on with what that held up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.views import ReauthenticateView
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from hydra.htmx import render_page
from orgs.access import fresh, kept_form
from orgs.forms.accounts import ConfirmPasswordForm


class ConfirmByPassword(ReauthenticateView):  # type: ignore[misc]  # allauth has no types
    form_class = ConfirmPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whoever has neither password nor second factor signs in again where they always do."""
        if get_adapter(request).get_reauthentication_methods(request.user):
            response: HttpResponse = super().dispatch(request, *args, **kwargs)
            return response
        following = request.GET.get("next", "")
        context = {"name": settings.HYDRA_OIDC_NAME, "following": following}
        return render_page(request, "account/reauthenticate_elsewhere.html", context)


@never_cache
@require_GET
@fresh
def go_on(request: HttpRequest) -> HttpResponse:
    """Offer the form again that was sent while the sign-in was stale, as it was typed."""
    kept = kept_form(request)
    if kept is None:
        return redirect("orgs:home")
    address, typed = kept
    fields = [(name, value) for name, values in typed.lists() for value in values]
    return render_page(request, "orgs/continue.html", {"address": address, "fields": fields})
