"""What the frame of every page needs, beside the request with its organization and access."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orgs.models import Membership, User


def frame(request: HttpRequest) -> dict[str, Any]:
    """`org` as the gate found it, `memberships` for the switcher, and where events stream from.

    The memberships are fetched only when they are shown.
    """
    is_one_address = settings.HYDRA_LIVE_URL == settings.HYDRA_URL
    return {
        "org": getattr(request, "org", None),
        "memberships": SimpleLazyObject(lambda: memberships_of(request)),
        "live_url": "" if is_one_address else settings.HYDRA_LIVE_URL,
    }


def memberships_of(request: HttpRequest) -> list[Membership]:
    user = getattr(request, "user", None)
    return list(Membership.objects.of(user)) if isinstance(user, User) else []
