"""`/api/v1/environments`"""

from __future__ import annotations

from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment
from hydra.api.fields import Taken, Text
from hydra.api.paging import BY_POSITION
from hydra.api.schema import PAGED, Operation, data, described, page
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Environment
from orgs.services import environments


class EnvironmentShown(TypedDict):
    """A named stage of the organization; `position` is the order in which people put them."""

    id: str
    name: str
    slug: str
    position: int
    created_at: Moment


def show_environment(environment: Environment) -> EnvironmentShown:
    return EnvironmentShown(
        id=environment.uid,
        name=environment.name,
        slug=environment.slug,
        position=environment.position,
        created_at=moment(environment.created_at),
    )


class EnvironmentTaken(Taken):
    name = Text(max_length=60, trim_whitespace=True)


class EnvironmentViewSet(OrgViewSet):
    @described(
        Operation(
            name="listEnvironments",
            summary="List environments, topmost first",
            tag="Environments",
            shows=page(EnvironmentShown),
            permission=permission(Right.ENVIRONMENT_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        rows = Environment.objects.in_org(self.org)
        rows = self.granted(rows, Right.ENVIRONMENT_READ)
        return self.show_page(rows, show_environment, order=BY_POSITION)

    @described(
        Operation(
            name="createEnvironment",
            summary="Create an environment",
            tag="Environments",
            shows=data(EnvironmentShown),
            status=201,
            takes=EnvironmentTaken,
            permission=permission(Right.ENVIRONMENT_WRITE),
            example={"name": "Staging"},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.ENVIRONMENT_WRITE)
        taken: dict[str, Any] = self.take(EnvironmentTaken)
        environment = environments.create_environment(self.org, name=taken["name"], by=self.actor)
        return self.show(show_environment(environment), status=201)
