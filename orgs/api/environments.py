"""`/api/v1/environments`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from hydra.api.answers import Moment, moment
from hydra.api.dialects import Pagination
from hydra.api.fields import Taken, Text
from hydra.api.paging import BY_POSITION
from hydra.api.schema import DELETED, PAGED, Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Environment
from orgs.services import environments

MOST_ENVIRONMENTS = 1_000


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


class EnvironmentOrderTaken(Taken):
    order = serializers.ListField(
        child=Text(max_length=60),
        max_length=MOST_ENVIRONMENTS,
        help_text="All environments by id or slug, topmost first.",
    )
    was = serializers.ListField(
        child=Text(max_length=60),
        max_length=MOST_ENVIRONMENTS,
        required=False,
        help_text="The order it was made from; if that is no longer so, 409 and nothing changes.",
    )


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

    @described(
        Operation(
            name="getEnvironment",
            summary="Get an environment by id or slug",
            tag="Environments",
            shows=data(EnvironmentShown),
            permission=permission(Right.ENVIRONMENT_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        return self.show(show_environment(self.environment(uid, needs=Right.ENVIRONMENT_READ)))

    @described(
        Operation(
            name="renameEnvironment",
            summary="Rename an environment; its slug stays",
            tag="Environments",
            shows=data(EnvironmentShown),
            takes=EnvironmentTaken,
            permission=permission(Right.ENVIRONMENT_WRITE),
            example={"name": "Acceptance"},
        )
    )
    def partial_update(self, _request: HttpRequest, uid: str) -> HttpResponse:
        environment = self.environment(uid, needs=Right.ENVIRONMENT_WRITE)
        name = self.take(EnvironmentTaken)["name"]
        renamed = environments.rename_environment(environment, name=name, by=self.actor)
        return self.show(show_environment(renamed))

    @described(
        Operation(
            name="deleteEnvironment",
            summary="Delete an environment that nothing uses",
            tag="Environments",
            shows=DELETED,
            permission=permission(Right.ENVIRONMENT_WRITE),
            also=(409,),
        )
    )
    def destroy(self, _request: HttpRequest, uid: str) -> HttpResponse:
        environment = self.environment(uid, needs=Right.ENVIRONMENT_WRITE)
        environments.delete_environment(environment, by=self.actor)
        return self.deleted()

    @described(
        Operation(
            name="orderEnvironments",
            summary="Put the environments into an order",
            tag="Environments",
            shows=page(EnvironmentShown),
            takes=EnvironmentOrderTaken,
            permission=permission(Right.ENVIRONMENT_WRITE),
            example={"order": ["production", "staging"], "was": ["staging", "production"]},
        )
    )
    def order(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.ENVIRONMENT_WRITE)
        taken = self.take(EnvironmentOrderTaken)
        slugs = dict(Environment.objects.in_org(self.org).values_list("slug", "uid"))

        def uids(named: list[str]) -> list[str]:
            return [slugs.get(name, name) for name in named]

        ordered = environments.save_order(
            self.org,
            uids=uids(taken["order"]),
            was=uids(taken["was"]) if "was" in taken else None,
            by=self.actor,
        )
        shown: list[Mapping[str, Any]] = [show_environment(environment) for environment in ordered]
        return self.show_list(shown, Pagination(None, len(shown)))

    def environment(self, named: str, *, needs: Right) -> Environment:
        """The environment with this id or slug, if the key may do this with it."""
        rows = Environment.objects.in_org(self.org).filter(Q(uid=named) | Q(slug=named))
        environment = rows.first()
        if environment is None:
            raise NotFound(f"There is no environment {named}.")
        self.require(needs, environment.uid)
        environment.org = self.org
        return environment
