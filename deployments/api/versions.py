"""`/api/v1/applications/:id/versions`"""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from deployments.services import versions
from deployments.shapes import ReceiptShown, VersionShown, show_receipt, show_version
from hydra.api.fields import Taken, Text
from hydra.api.schema import PAGED, Operation, data, described, page
from orgs.access import Right, permission
from projects.access import ApplicationRoute
from projects.models import Version
from projects.services.versions import VersionFacts


class VersionTaken(Taken):
    name = Text(max_length=128)
    commit = Text(max_length=64, required=False, allow_blank=True)
    message = Text(max_length=10_000, required=False, allow_blank=True)
    author = Text(max_length=200, required=False, allow_blank=True)
    image = Text(max_length=500, required=False, allow_blank=True)
    tags = serializers.ListField(child=Text(max_length=128), max_length=50, required=False)
    notes = Text(max_length=50_000, required=False, allow_blank=True)

    def validate_tags(self, tags: list[str]) -> tuple[str, ...]:
        return tuple(tags)


class VersionViewSet(ApplicationRoute):
    @described(
        Operation(
            name="listVersions",
            summary="List the versions of an application, newest first",
            tag="Versions",
            shows=page(VersionShown),
            permission=permission(Right.VERSION_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.VERSION_READ)
        rows = Version.objects.in_org(self.org).filter(application=application)
        return self.show_page(rows, partial(show_version, application=application))

    @described(
        Operation(
            name="createVersion",
            summary="Create a version, and deploy it where rules say so",
            tag="Versions",
            shows=data(ReceiptShown),
            status=201,
            takes=VersionTaken,
            repeats="The version was there already, and nothing was started: `replayed` is true.",
            permission=permission(Right.VERSION_CREATE),
            example={"name": "v1.2.3", "commit": "4f2a9c1"},
        )
    )
    def create(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.VERSION_CREATE)
        facts = VersionFacts(**self.take(VersionTaken))
        reception = versions.receive_version(application, facts=facts, by=self.actor)
        status = 201 if reception.is_new else 200
        return self.show(show_receipt(reception, application=application), status=status)
