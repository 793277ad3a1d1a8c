"""What the frame of every page needs: whose it is, what else there is, what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orgs.access import Access, Right
from orgs.models import Membership, User


@dataclass(frozen=True)
class May:
    """Asks for rights from a template: `{% if may.ENVIRONMENT_WRITE %}`."""

    access: Access | None

    def __getitem__(self, name: str) -> bool:
        return self.access is not None and self.access.allows(Right[name])


def organization(request: HttpRequest) -> dict[str, Any]:
    """`org`, `may`, and `memberships` for the switcher, which are fetched only when shown."""
    access: Access | None = getattr(request, "access", None)
    return {
        "org": access.org if access else None,
        "may": May(access),
        "memberships": SimpleLazyObject(lambda: memberships_of(request)),
    }


def memberships_of(request: HttpRequest) -> list[Membership]:
    user = getattr(request, "user", None)
    return list(Membership.objects.of(user)) if isinstance(user, User) else []
