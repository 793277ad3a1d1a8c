"""Projects and what they are connected with: applications, environments, agents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from django.db import transaction
from django.db.models import F

from agents.models import Agent
from billing import services as billing
from hydra.errors import Conflict, Invalid, NotFound
from orgs.models import Actor, Environment, Organization
from orgs.services import events
from orgs.services.events import Subject
from projects.models import (
    Application,
    AppType,
    AutoDeployRule,
    Framework,
    Override,
    Project,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
)
from projects.services.departures import Departure, require_nobody_objects
from projects.services.naming import (
    CodeTaken,
    lock_org,
    require_code,
    require_name,
    require_text,
)

LONGEST_URL = 500


class ProjectChanges(TypedDict, total=False):
    """What may be changed about a project; what is left out stays."""

    name: str
    code: str
    description: str
    framework: str
    app_type: str
    build_command: str
    install_command: str
    output_dir: str


LONGEST = {
    "description": 2000,
    "build_command": 500,
    "install_command": 500,
    "output_dir": 500,
}
CHOICES = {"framework": Framework.values, "app_type": AppType.values}


class AlreadyConnected(Conflict):
    """The project has it already."""

    code = "already_connected"


@transaction.atomic
def create_project(  # noqa: PLR0913  # a project's facts and who answers for it
    org: Organization,
    *,
    name: str,
    code: str,
    by: Actor,
    environments: Iterable[Environment] = (),
    applications: Iterable[Application] = (),
    description: str = "",
) -> Project:
    """A project that uses these environments and applications of the organization."""
    environments, applications = dict.fromkeys(environments), dict.fromkeys(applications)
    project = insert_project(org, name=name, code=code, description=description)
    ProjectEnvironment.objects.bulk_create(
        ProjectEnvironment(project=project, environment=environment) for environment in environments
    )
    ProjectApplication.objects.bulk_create(
        ProjectApplication(project=project, application=application) for application in applications
    )
    record(
        project,
        "project.created",
        by=by,
        environments=[environment.slug for environment in environments],
        applications=[application.code for application in applications],
    )
    return project


def insert_project(org: Organization, *, name: str, code: str, description: str = "") -> Project:
    """The row alone, in the caller's transaction. CodeTaken, Invalid or PlanLimit when refused."""
    lock_org(org)
    name = require_name(name, thing="A project")
    description = require_text(
        description.strip(), at="description", longest=LONGEST["description"]
    )
    require_free(org, code=require_code(code))
    billing.require_can_add_project(org, existing=Project.objects.in_org(org).count())
    return Project.objects.create(org=org, name=name, code=code, description=description)


def require_free(org: Organization, *, code: str) -> None:
    taken = Project.objects.in_org(org).filter(code=code).first()
    if taken is not None:
        raise CodeTaken(
            f"The code {code} belongs to the project “{taken}” already. Choose another.",
            details=[
                {
                    "location": "code",
                    "message": f"It belongs to the project “{taken}” already.",
                    "fix": "Choose another.",
                }
            ],
        )


@transaction.atomic
def update_project(project: Project, *, changes: ProjectChanges, by: Actor) -> Project:
    """Change what is said of a project. Its code is part of addresses, which change with it."""
    lock_org(project.org)
    project = Project.objects.select_related("org").get(pk=project.pk)
    wanted = checked(project, changes)
    changed = [field for field, value in wanted.items() if getattr(project, field) != value]
    if not changed:
        return project
    told = events.changes({field: getattr(project, field) for field in wanted}, wanted)
    for field in changed:
        setattr(project, field, wanted[field])
    project.save(update_fields=changed)
    record(project, "project.updated", by=by, **told)
    return project


def checked(project: Project, changes: ProjectChanges) -> dict[str, str]:
    """The changes as they would be kept."""
    wanted: dict[str, str] = {}
    for field, longest in LONGEST.items():
        if field in changes:
            text = str(changes[field])  # type: ignore[literal-required]  # LONGEST's are its keys
            wanted[field] = require_text(text.strip(), at=field, longest=longest)
    for field, known in CHOICES.items():
        if field in changes:
            wanted[field] = require_choice(str(changes[field]), at=field, known=known)  # type: ignore[literal-required]  # so are CHOICES'
    if "name" in changes:
        wanted["name"] = require_name(changes["name"], thing="A project")
    if "code" in changes and changes["code"] != project.code:
        require_free(project.org, code=require_code(changes["code"]))
        wanted["code"] = changes["code"]
    return wanted


def require_choice(value: str, *, at: str, known: Sequence[str]) -> str:
    if value and value not in known:
        fix = f"Use one of {', '.join(known)}, or leave it empty."
        raise Invalid.at(at, f"“{value}” is not known here.", fix)
    return value


@transaction.atomic
def delete_project(project: Project, *, by: Actor) -> None:
    """Delete a project with its rules, overrides, variables and the history of its deployments."""
    project = lock(project)
    require_nobody_objects(Departure(project))
    forget_rules(project.rules.values_list("application_id", flat=True))
    record(project, "project.deleted", by=by, code=project.code)
    project.delete()


# --- Applications ----------------------------------------------------------------------------


@transaction.atomic
def connect_application(
    project: Project, *, application: Application, by: Actor
) -> ProjectApplication:
    project = lock(project)
    if project.project_applications.filter(application=application).exists():
        raise AlreadyConnected(f"{application} is part of {project} already.")
    link = ProjectApplication.objects.create(project=project, application=application)
    record(project, "project.application_connected", by=by, application=application.code)
    return link


@transaction.atomic
def disconnect_application(project: Project, *, application: Application, by: Actor) -> None:
    """Take an application out of the project, with its rules and overrides there."""
    project = lock(project)
    require_nobody_objects(Departure(project, application=application))
    removed, _ = project.project_applications.filter(application=application).delete()
    if not removed:
        raise NotFound(f"{application} is not part of {project}.")
    AutoDeployRule.objects.filter(project=project, application=application).delete()
    Override.objects.filter(project=project, config_file__application=application).delete()
    forget_rules([application.pk])
    record(project, "project.application_disconnected", by=by, application=application.code)


# --- Environments ----------------------------------------------------------------------------


@transaction.atomic
def add_environment(
    project: Project, *, environment: Environment, url: str = "", by: Actor
) -> ProjectEnvironment:
    project = lock(project)
    if project.project_environments.filter(environment=environment).exists():
        raise AlreadyConnected(f"{project} uses {environment} already.")
    link = ProjectEnvironment.objects.create(
        project=project, environment=environment, url=require_url(url)
    )
    record(project, "project.environment_added", by=by, environment=environment.slug, url=link.url)
    return link


@transaction.atomic
def set_environment_url(
    project: Project, *, environment: Environment, url: str, by: Actor
) -> ProjectEnvironment:
    """Say where the project is reached in the environment; scripts get it as HYDRA_URL."""
    project = lock(project)
    link = project.project_environments.filter(environment=environment).first()
    if link is None:
        raise NotFound(f"{project} does not use {environment}.")
    before, link.url = link.url, require_url(url)
    if link.url != before:
        link.save(update_fields=["url"])
        record(
            project,
            "project.environment_changed",
            by=by,
            environment=environment.slug,
            **events.changes({"url": before}, {"url": link.url}),
        )
    return link


@transaction.atomic
def remove_environment(project: Project, *, environment: Environment, by: Actor) -> None:
    """Take an environment out of the project. Its rules stay, dead, and say so."""
    project = lock(project)
    require_nobody_objects(Departure(project, environment=environment))
    removed, _ = project.project_environments.filter(environment=environment).delete()
    if not removed:
        raise NotFound(f"{project} does not use {environment}.")
    project.project_agents.filter(environment=environment).delete()
    record(project, "project.environment_removed", by=by, environment=environment.slug)


def require_url(url: str) -> str:
    url = require_text(url.strip(), at="url", longest=LONGEST_URL)
    is_web_address = url.startswith(("https://", "http://")) and not any(c.isspace() for c in url)
    if url and not (is_web_address and url.partition("://")[2].strip("/")):
        raise Invalid.at(
            "url",
            "The URL must begin with https:// or http:// and name a host.",
            "Write it like https://shop.example.com.",
        )
    return url


# --- Agents ----------------------------------------------------------------------------------


@transaction.atomic
def link_agent(
    project: Project, *, agent: Agent, environment: Environment | None = None, by: Actor
) -> ProjectAgent:
    """Let the agent take the project's jobs, in one environment or (None) in all of them."""
    project = lock(project)
    if agent.revoked_at is not None:
        raise Conflict(f"The key of {agent} has been revoked, so it can take no jobs.")
    if environment is not None:
        require_uses(project, environment)
    if project.project_agents.filter(agent=agent, environment=environment).exists():
        where = f"in {environment}" if environment else "in all environments"
        raise AlreadyConnected(f"{agent} is linked to {project} {where} already.")
    link = ProjectAgent.objects.create(project=project, agent=agent, environment=environment)
    record(project, "project.agent_linked", by=by, **described(agent, environment))
    return link


@transaction.atomic
def unlink_agent(
    project: Project, *, agent: Agent, environment: Environment | None = None, by: Actor
) -> None:
    """Undo one link. Jobs that the agent has taken are its own until they end."""
    project = lock(project)
    removed, _ = project.project_agents.filter(agent=agent, environment=environment).delete()
    if not removed:
        raise NotFound(f"{agent} is not linked to {project} there.")
    record(project, "project.agent_unlinked", by=by, **described(agent, environment))


def described(agent: Agent, environment: Environment | None) -> dict[str, str]:
    return {"agent": agent.name, "environment": environment.slug if environment else ""}


# --- What they share -------------------------------------------------------------------------


def lock(project: Project) -> Project:
    """The project as it is now; nobody else changes what it is connected with meanwhile."""
    return Project.objects.select_for_update(of=("self",)).select_related("org").get(pk=project.pk)


def require_uses(project: Project, environment: Environment) -> None:
    if not project.project_environments.filter(environment=environment).exists():
        raise Invalid.at(
            "environment",
            f"{project} does not use {environment}.",
            "Add the environment to the project first.",
        )


def require_contains(project: Project, application: Application) -> None:
    if not project.project_applications.filter(application=application).exists():
        raise Invalid.at(
            "application",
            f"{application} is not part of {project}.",
            "Connect the application to the project first.",
        )


def forget_rules(application_ids: Iterable[int]) -> None:
    """Rules kept in memory are read anew once the revision has risen."""
    Application.objects.filter(pk__in=list(application_ids)).update(
        rules_revision=F("rules_revision") + 1
    )


def record(project: Project, verb: str, *, by: Actor, **data: object) -> None:
    events.record(
        org=project.org,
        by=by,
        verb=verb,
        subject=Subject("project", project.uid, project.name),
        data={"project": project.code, **data},
    )
