"""How programs reach projects and what is in them: by id or code, among their own alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Q

from hydra.errors import NotFound
from orgs.access import Right
from orgs.gate import OrgViewSet
from orgs.models import Environment, Organization
from projects.models import Application, Project

# Stand-ins in statements that are compiled once.
SOME_ORG = -1
SOME_CODE = "the code in question"
APPLICATION_FIELDS = ("id", "uid", "org_id", "name", "code", "moving_names", "rules_revision")


def find_application(org: Organization, named: str) -> Application:
    found = Application.objects.in_org(org).filter(Q(uid=named) | Q(code=named)).first()
    if found is None:
        raise NotFound(f"There is no application {named}.")
    found.org = org
    return found


def find_application_by_code(org: Organization, code: str) -> Application:
    """As `find_application`, for the one request that pipelines wait for: compiled once."""
    sql, params = by_code_statement()
    given: dict[Any, Any] = {SOME_ORG: org.pk, SOME_CODE: code}
    with connection.cursor() as cursor:
        cursor.execute(sql, [given.get(value, value) for value in params])
        row = cursor.fetchone()
    if row is None:
        raise NotFound(f"There is no application {code}.")
    found = Application.from_db(connection.alias, APPLICATION_FIELDS, row)
    found.org = org
    return found


@cache
def by_code_statement() -> tuple[str, tuple[Any, ...]]:
    rows = Application.objects.filter(org_id=SOME_ORG, code=SOME_CODE).order_by()
    rows = rows.only(*APPLICATION_FIELDS)
    return rows.query.sql_with_params()


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
