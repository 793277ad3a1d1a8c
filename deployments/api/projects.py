"""`/api/v1/projects`"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypedDict, TypeGuard

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse

from deployments.api.deployments import with_everything
from deployments.models import Deployment, State
from deployments.shapes import DeploymentShown, show_deployment
from hydra.api import paging
from hydra.api.answers import Moment, moment
from hydra.api.fields import Choice, Taken, Text
from hydra.api.schema import DELETED, PAGED, Operation, Query, data, described, page
from hydra.errors import NotFound
from orgs.access import Right, permission
from orgs.models import Organization
from projects.access import ProjectRoute
from projects.models import AppType, Framework, Project, ProjectQuerySet
from projects.services import icons, naming, projects


class ProjectShown(TypedDict):
    """A set of applications and where they go. `slug` is its code.

    `current_deployment` is what succeeded last, `domains` the URLs of its environments.
    """

    id: str
    name: str
    slug: str
    code: str
    description: str
    icon: str | None
    framework: str
    appType: str
    build_command: str
    install_command: str
    output_dir: str
    environments: list[str]
    applications: list[str]
    domains: list[str]
    current_deployment: DeploymentShown | None
    created_at: Moment


class ProjectTaken(Taken):
    name = Text(max_length=100, trim_whitespace=True)
    orgSlug = Text(max_length=60, required=False)  # noqa: N815  # the seed's
    code = Text(max_length=60, required=False, help_text="Made from the name when left out.")
    description = Text(max_length=2000, required=False, allow_blank=True)
    framework = Choice(choices=Framework.choices, required=False, allow_blank=True)
    appType = Choice(choices=AppType.choices, required=False, allow_blank=True)  # noqa: N815  # the seed's


class ProjectChanged(Taken):
    name = Text(max_length=100, trim_whitespace=True, required=False)
    code = Text(max_length=60, required=False)
    description = Text(max_length=2000, required=False, allow_blank=True)
    framework = Choice(choices=Framework.choices, required=False, allow_blank=True)
    appType = Choice(choices=AppType.choices, required=False, allow_blank=True)  # noqa: N815  # the seed's
    build_command = Text(max_length=500, required=False, allow_blank=True)
    install_command = Text(max_length=500, required=False, allow_blank=True)
    output_dir = Text(max_length=500, required=False, allow_blank=True)


def with_relations(org: Organization) -> ProjectQuerySet:
    """The organization's projects, with what is shown of them."""
    succeeded = Deployment.objects.in_org(org).filter(project=OuterRef("pk"), state=State.SUCCEEDED)
    return (
        Project.objects.in_org(org)
        .with_icon()
        .prefetch_related("project_environments__environment", "project_applications__application")
        .annotate(current_pk=Subquery(succeeded.order_by("-pk").values("pk")[:1]))
    )


def current_deployments(org: Organization, rows: Sequence[Project]) -> dict[int, Deployment]:
    """What succeeded last in each of these projects, in one query."""
    pks = [pk for project in rows if (pk := getattr(project, "current_pk", None)) is not None]
    if not pks:
        return {}
    found = with_everything(Deployment.objects.in_org(org).filter(pk__in=pks))
    return {deployment.project_id: deployment for deployment in found}


def show_project(project: Project, *, currents: dict[int, Deployment]) -> ProjectShown:
    links = list(project.project_environments.all())
    current = currents.get(project.pk)
    return ProjectShown(
        id=project.uid,
        name=project.name,
        slug=project.code,
        code=project.code,
        description=project.description,
        icon=icons.address_of(project),
        framework=project.framework,
        appType=project.app_type,
        build_command=project.build_command,
        install_command=project.install_command,
        output_dir=project.output_dir,
        environments=[link.environment.slug for link in links],
        applications=[link.application.code for link in project.project_applications.all()],
        domains=[link.url for link in links if link.url],
        current_deployment=show_deployment(current, org=project.org) if current else None,
        created_at=moment(project.created_at),
    )


class ProjectViewSet(ProjectRoute):
    @described(
        Operation(
            name="listProjects",
            summary="List projects",
            tag="Projects",
            shows=page(ProjectShown),
            permission=permission(Right.PROJECT_READ),
            query=(Query("org", "Slug of the organization."), *PAGED),
        )
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        self.require_own(request.GET.get("org"))
        rows = self.granted(with_relations(self.org), Right.PROJECT_READ)
        place = f"{self.org.uid}{request.path}"
        found = paging.paginate(rows, query=request.GET, place=place)
        for project in found.rows:
            project.org = self.org
        show = partial(show_project, currents=current_deployments(self.org, found.rows))
        return self.show_list([show(project) for project in found.rows], found.pagination)

    @described(
        Operation(
            name="createProject",
            summary="Create a project",
            tag="Projects",
            shows=data(ProjectShown),
            status=201,
            takes=ProjectTaken,
            permission=permission(Right.PROJECT_CREATE),
            example={"name": "Payment Service", "code": "payment-service"},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.PROJECT_CREATE)
        taken = self.take(ProjectTaken)
        self.require_own(taken.pop("orgSlug", None))
        project = projects.create_project(
            self.org,
            name=taken.pop("name"),
            code=taken.pop("code", "") or self.free_code(self.call.sent["name"]),
            description=taken.pop("description", ""),
            by=self.actor,
        )
        changes = changes_in(taken)
        if changes:
            project = projects.update_project(project, changes=changes, by=self.actor)
        return self.shown(project, status=201)

    @described(
        Operation(
            name="getProject",
            summary="Get a project by id or code",
            tag="Projects",
            shows=data(ProjectShown),
            permission=permission(Right.PROJECT_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        return self.shown(self.project(uid, needs=Right.PROJECT_READ))

    @described(
        Operation(
            name="updateProject",
            summary="Change a project",
            tag="Projects",
            shows=data(ProjectShown),
            takes=ProjectChanged,
            permission=permission(Right.PROJECT_UPDATE),
        )
    )
    def partial_update(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.PROJECT_UPDATE)
        changes = changes_in(self.take(ProjectChanged))
        return self.shown(projects.update_project(project, changes=changes, by=self.actor))

    @described(
        Operation(
            name="deleteProject",
            summary="Delete a project",
            tag="Projects",
            shows=DELETED,
            permission=permission(Right.PROJECT_DELETE),
            also=(409,),
        )
    )
    def destroy(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.PROJECT_DELETE)
        projects.delete_project(project, by=self.actor)
        return self.deleted()

    def shown(self, project: Project, *, status: int = 200) -> HttpResponse:
        fresh = with_relations(self.org).get(pk=project.pk)
        fresh.org = self.org
        currents = current_deployments(self.org, [fresh])
        return self.show(show_project(fresh, currents=currents), status=status)

    def free_code(self, name: str) -> str:
        taken = set(Project.objects.in_org(self.org).values_list("code", flat=True))
        return naming.suggest_code(name, taken=taken, fallback="project")

    def require_own(self, slug: str | None) -> None:
        if slug is not None and slug not in (self.org.slug, self.org.uid):
            raise NotFound(f"There is no organization {slug}.")


def changes_in(taken: dict[str, Any]) -> projects.ProjectChanges:
    """What was sent, under the names that services use."""
    renamed = {("app_type" if name == "appType" else name): taken[name] for name in taken}
    if not is_changes(renamed):
        raise TypeError("The serializer has a field that projects do not have.")
    return renamed


def is_changes(changes: dict[str, Any]) -> TypeGuard[projects.ProjectChanges]:
    return changes.keys() <= projects.ProjectChanges.__annotations__.keys()
