"""`/api/v1/applications`"""

from __future__ import annotations

from typing import TypedDict

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment
from hydra.api.fields import Taken, Text
from hydra.api.schema import DELETED, PAGED, Operation, data, described, page
from orgs.access import Right, permission
from orgs.models import Organization
from projects import matching
from projects.access import ApplicationRoute
from projects.models import Application, ApplicationQuerySet, Version
from projects.services import applications, icons, naming


class ApplicationShown(TypedDict):
    """A deployable component. `moving_names` is the pattern of names that are built again."""

    id: str
    name: str
    code: str
    description: str
    icon: str | None
    moving_names: str
    latest_version: str | None
    created_at: Moment


class ApplicationTaken(Taken):
    name = Text(max_length=100, trim_whitespace=True)
    code = Text(max_length=60, required=False, help_text="Made from the name when left out.")
    description = Text(max_length=2000, required=False, allow_blank=True)
    moving_names = Text(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="The pattern of names that are built again; branches such as main unless given.",
    )


class ApplicationChanged(Taken):
    name = Text(max_length=100, trim_whitespace=True, required=False)
    code = Text(max_length=60, required=False)
    description = Text(max_length=2000, required=False, allow_blank=True)
    deploy_script = Text(max_length=200_000, required=False, allow_blank=True)
    moving_names = Text(max_length=500, required=False, allow_blank=True)


def show_application(application: Application) -> ApplicationShown:
    return ApplicationShown(
        id=application.uid,
        name=application.name,
        code=application.code,
        description=application.description,
        icon=icons.address_of(application),
        moving_names=application.moving_names,
        latest_version=getattr(application, "latest_version", None),
        created_at=moment(application.created_at),
    )


def with_latest(org: Organization) -> ApplicationQuerySet:
    """The organization's applications, each with the name of its newest version."""
    versions = Version.objects.in_org(org).filter(application=OuterRef("pk"))
    newest = versions.order_by("-pk").values("name")
    return Application.objects.in_org(org).with_icon().annotate(latest_version=Subquery(newest[:1]))


class ApplicationViewSet(ApplicationRoute):
    @described(
        Operation(
            name="listApplications",
            summary="List applications",
            tag="Applications",
            shows=page(ApplicationShown),
            permission=permission(Right.APPLICATION_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        rows = with_latest(self.org)
        return self.show_page(self.granted(rows, Right.APPLICATION_READ), show_application)

    @described(
        Operation(
            name="createApplication",
            summary="Create an application",
            tag="Applications",
            shows=data(ApplicationShown),
            status=201,
            takes=ApplicationTaken,
            permission=permission(Right.APPLICATION_CREATE),
            example={"name": "Payment API", "code": "payment-api"},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.APPLICATION_CREATE)
        taken = self.take(ApplicationTaken)
        application = applications.create_application(
            self.org,
            name=taken["name"],
            code=taken.get("code") or self.free_code(taken["name"]),
            description=taken.get("description", ""),
            moving_names=taken.get("moving_names", matching.MOVING_NAMES),
            by=self.actor,
        )
        return self.show(show_application(application), status=201)

    def free_code(self, name: str) -> str:
        taken = set(Application.objects.in_org(self.org).values_list("code", flat=True))
        return naming.suggest_code(name, taken=taken, fallback="application")

    @described(
        Operation(
            name="getApplication",
            summary="Get an application by id or code",
            tag="Applications",
            shows=data(ApplicationShown),
            permission=permission(Right.APPLICATION_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_READ)
        shown = with_latest(self.org).get(pk=application.pk)
        return self.show(show_application(shown))

    @described(
        Operation(
            name="updateApplication",
            summary="Change an application",
            tag="Applications",
            shows=data(ApplicationShown),
            takes=ApplicationChanged,
            permission=permission(Right.APPLICATION_UPDATE),
        )
    )
    def partial_update(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_UPDATE)
        changes = applications.ApplicationChanges(**self.take(ApplicationChanged))  # type: ignore[typeddict-item]  # the serializer has exactly these fields
        application = applications.update_application(application, changes=changes, by=self.actor)
        shown = with_latest(self.org).get(pk=application.pk)
        return self.show(show_application(shown))

    @described(
        Operation(
            name="deleteApplication",
            summary="Delete an application that no project uses",
            tag="Applications",
            shows=DELETED,
            permission=permission(Right.APPLICATION_DELETE),
            also=(409,),
        )
    )
    def destroy(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_DELETE)
        applications.delete_application(application, by=self.actor)
        return self.deleted()
