"""Deploying by hand of a program: what it leaves out is completed from what the project has.

A branch is a version of that name: another commit or image of it is another build. Rules are asked
about it as about any version; where one of them has deployed it to the wanted place already, that
is the deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from deployments.models import Deployment, State, Trigger
from deployments.services import cancel, requests, versions
from hydra.errors import Invalid, NotFound
from orgs.models import Actor, Environment
from projects.models import Application, Project, Version
from projects.services.versions import VersionFacts, require_name


@dataclass(frozen=True)
class Wish:
    """Where somebody wants something deployed."""

    project: Project
    application: Application
    environment: Environment


@dataclass(frozen=True)
class Push:
    """A branch as it stands now."""

    branch: str
    commit: str = ""
    message: str = ""
    author: str = ""
    author_avatar_url: str = ""
    committed_at: datetime | None = None
    image: str = ""


def complete(
    project: Project, *, application: Application | None, environment: Environment | None
) -> Wish:
    """Fill in what is missing: the project's only one, or where it deployed last.

    What was canceled before it ran was not deployed.
    """
    last = None
    if application is None or environment is None:
        last = last_deployment(project, application=application, environment=environment)
    application = application or only_application(project) or (last.application if last else None)
    if application is None:
        raise Invalid.at("application", f"Say which application of {project} to deploy.")
    environment = environment or only_environment(project) or (last.environment if last else None)
    if environment is None:
        raise Invalid.at("environment", f"Say into which environment of {project} to deploy.")
    return Wish(project, application, environment)


def last_deployment(
    project: Project, *, application: Application | None, environment: Environment | None
) -> Deployment | None:
    began = Deployment.objects.filter(project=project, started_at__isnull=False)
    rows = began.with_names().order_by("-pk")
    if application is not None:
        rows = rows.filter(application=application)
    if environment is not None:
        rows = rows.filter(environment=environment)
    return rows.first()


def only_application(project: Project) -> Application | None:
    links = list(project.project_applications.select_related("application")[:2])
    return links[0].application if len(links) == 1 else None


def only_environment(project: Project) -> Environment | None:
    links = list(project.project_environments.select_related("environment")[:2])
    return links[0].environment if len(links) == 1 else None


def last_branch(wish: Wish) -> str:
    """The name of the version that was deployed last of this application in this project."""
    last = last_deployment(wish.project, application=wish.application, environment=None)
    if last is None:
        raise Invalid.at("version", "Say which version, or which branch, to deploy.")
    return last.version.name


def deploy_version(wish: Wish, *, named: str, by: Actor) -> Deployment:
    """Deploy a version that exists: of a name the newest build."""
    rows = Version.objects.filter(application=wish.application)
    version = rows.filter(Q(uid=named) | Q(name=named)).order_by("-pk").first()
    if version is None:
        raise NotFound(f"{wish.application} has no version {named}.")
    return request(wish, version=version, by=by)


@transaction.atomic
def deploy_branch(wish: Wish, *, push: Push, by: Actor) -> Deployment:
    """Make a version of the branch as it stands now, and deploy it to the wanted place once."""
    require_name(push.branch, at="branch")
    facts = VersionFacts(
        name=push.branch,
        commit=push.commit,
        message=push.message,
        author=push.author,
        author_avatar_url=push.author_avatar_url,
        committed_at=push.committed_at,
        image=push.image,
    )
    reception = versions.receive_version(wish.application, facts=facts, by=by, is_push=True)
    for deployment in reception.deployments if reception.is_new else ():
        if is_at(deployment, wish):
            if deployment.state != State.SCHEDULED:
                return deployment
            cancel.cancel(deployment, by=by)  # it is wanted now, and once
    return request(wish, version=reception.version, by=by)


def is_at(deployment: Deployment, wish: Wish) -> bool:
    return (
        deployment.project_id == wish.project.pk
        and deployment.environment_id == wish.environment.pk
    )


def request(wish: Wish, *, version: Version, by: Actor) -> Deployment:
    return requests.request_deployment(
        project=wish.project,
        application=wish.application,
        environment=wish.environment,
        version=version,
        by=by,
        trigger=Trigger.API,
    )
