"""How programs reach projects and what is in them: by id or code, among their own alone."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from hydra.compiled import compiled
from hydra.errors import NotFound
from orgs.access import Right
from orgs.gate import OrgViewSet
from orgs.models import Environment, Organization
from projects.models import Application, Project


def find_application(org: Organization, named: str) -> Application:
    found = Application.objects.in_org(org).filter(Q(uid=named) | Q(code=named)).first()
    if found is None:
        raise NotFound(f"There is no application {named}.")
    found.org = org
    return found


def find_application_by_code(org: Organization, code: str) -> Application:
    """As `find_application`, for the one request that pipelines wait for."""
    found = application_by_code.first(org_id=org.pk, code=code)
    if found is None:
        raise NotFound(f"There is no application {code}.")
    found.org = org
    return found


@compiled
def application_by_code(*, org_id: int, code: str) -> QuerySet[Application]:
    rows = Application.objects.filter(org_id=org_id, code=code).order_by()
    return rows.only("uid", "org_id", "name", "code", "moving_names", "rules_revision")


def find_project(org: Organization, named: str) -> Project:
    found = Project.objects.in_org(org).filter(Q(uid=named) | Q(code=named)).first()
    if found is None:
        raise NotFound(f"There is no project {named}.")
    found.org = org
    return found


def find_environment(org: Organization, named: str) -> Environment:
    """By id or slug; names, which people may change, do as well when no slug says so."""
    rows = Environment.objects.in_org(org)
    found = (
        rows.filter(Q(uid=named) | Q(slug=named)).first() or rows.filter(name__iexact=named).first()
    )
    if found is None:
        raise NotFound(f"There is no environment {named}.")
    found.org = org
    return found


class ApplicationRoute(OrgViewSet):
    """A route below one application."""

    def application(self, uid: str, *, needs: Right) -> Application:
        """The application, if the key may do this with it."""
        application = find_application(self.org, uid)
        self.require(needs, application.uid)
        return application


class ProjectRoute(OrgViewSet):
    """A route below one project."""

    def project(self, uid: str, *, needs: Right) -> Project:
        """The project, if the key may do this with it."""
        project = find_project(self.org, uid)
        self.require(needs, project.uid)
        return project
