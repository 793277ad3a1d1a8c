"""The face after HookDeploy: `/v1/health`, does my key work. Its `/v1/usage` is `billing`'s.

It stands among the routes of organizations, because all it tells is of the key's organization.
"""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from hydra.api.answers import Moment, moment
from hydra.api.schema import KEY_CHECK_ERROR, Operation, data, described
from orgs.gate import OrgViewSet


class KeyOwnerShown(TypedDict):
    id: str
    name: str
    slug: str
    plan: str


class HealthShown(TypedDict):
    """The key works, and whose it is."""

    status: str
    organization: KeyOwnerShown
    time: Moment


class HealthViewSet(OrgViewSet):
    @described(
        Operation(
            name="checkKey",
            summary="Check that a key works",
            tag="Key check",
            shows=data(HealthShown),
            error=KEY_CHECK_ERROR,
        )
    )
    def retrieve(self, _request: HttpRequest) -> HttpResponse:
        """Any live key may ask; it needs no permission."""
        org = self.org
        owner = KeyOwnerShown(id=org.uid, name=org.name, slug=org.slug, plan=org.plan)
        return self.show(HealthShown(status="ok", organization=owner, time=moment(timezone.now())))
