"""Who acts in the administration."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpRequest

from orgs.access import actor_of
from orgs.models import Actor, User


def administrator(request: HttpRequest) -> Actor:
    """The administrator, as events remember them."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    return replace(actor_of(request, user), label=f"{user} (site administrator)")
