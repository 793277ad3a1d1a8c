"""Applications: what is deployed."""

from __future__ import annotations

from typing import TypedDict

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from hydra.errors import Conflict
from orgs.models import Actor, Organization
from orgs.services import events
from orgs.services.events import Subject
from projects import matching
from projects.models import Application, Project, Strategy
from projects.services.naming import (
    CodeTaken,
    lock_org,
    require_code,
    require_name,
    require_text,
)
from projects.services.rules import require_pattern

LONGEST_SCRIPT = 200_000


class ApplicationInUse(Conflict):
    """Something would lose its meaning without the application."""

    code = "application_in_use"


class ApplicationChanges(TypedDict, total=False):
    """What may be changed about an application; what is left out stays."""

    name: str
    code: str
    description: str
    deploy_script: str
    moving_names: str


@transaction.atomic
def create_application(  # noqa: PLR0913  # each is said by name
    org: Organization,
    *,
    name: str,
    code: str,
    by: Actor,
    description: str = "",
    moving_names: str = matching.MOVING_NAMES,
) -> Application:
    require_pattern(Strategy.REGEX, moving_names, at="moving_names")
    lock_org(org)
    name = require_name(name, thing="An application")
    description = require_text(description.strip(), at="description", longest=2000)
    require_free(org, code=require_code(code))
    application = Application.objects.create(
        org=org, name=name, code=code, description=description, moving_names=moving_names
    )
    record(application, "application.created", by=by, code=code)
    return application


@transaction.atomic
def update_application(
    application: Application, *, changes: ApplicationChanges, by: Actor
) -> Application:
    """Change what is said of an application. Pipelines hold on to its code: change it with care."""
    lock_org(application.org)
    application = Application.objects.select_related("org").get(pk=application.pk)
    wanted = checked(application, changes)
    changed = [field for field, value in wanted.items() if getattr(application, field) != value]
    if not changed:
        return application
    before = {field: getattr(application, field) for field in changed}
    for field in changed:
        setattr(application, field, wanted[field])
    application.save(update_fields=changed)
    told = events.changes(outlined(before), outlined({field: wanted[field] for field in changed}))
    record(application, "application.updated", by=by, **told)
    return application


def outlined(fields: dict[str, str]) -> dict[str, str]:
    """The fields as events tell of them: a script may hold what is not for every reader."""
    if "deploy_script" not in fields:
        return fields
    return fields | {"deploy_script": events.outline(fields["deploy_script"])}


def checked(application: Application, changes: ApplicationChanges) -> dict[str, str]:
    """The changes as they would be kept."""
    wanted: dict[str, str] = {}
    if "name" in changes:
        wanted["name"] = require_name(changes["name"], thing="An application")
    if "description" in changes:
        text = changes["description"].strip()
        wanted["description"] = require_text(text, at="description", longest=2000)
    if "deploy_script" in changes:
        script = changes["deploy_script"]
        wanted["deploy_script"] = require_text(script, at="deploy_script", longest=LONGEST_SCRIPT)
    if "moving_names" in changes:
        require_pattern(Strategy.REGEX, changes["moving_names"], at="moving_names")
        wanted["moving_names"] = changes["moving_names"]
    if "code" in changes and changes["code"] != application.code:
        require_free(application.org, code=require_code(changes["code"]))
        wanted["code"] = changes["code"]
    return wanted


@transaction.atomic
def delete_application(application: Application, *, by: Actor) -> None:
    """Delete an application that no project contains and that was never deployed."""
    application = lock(application)
    projects = list(Project.objects.filter(project_applications__application=application)[:4])
    if projects:
        raise ApplicationInUse(
            f"{application} cannot be deleted: it is part of {named(projects)}. "
            "Take it out of every project first."
        )
    record(application, "application.deleted", by=by, code=application.code)
    try:
        application.delete()
    except ProtectedError as error:
        raise ApplicationInUse(
            f"{application} cannot be deleted: its versions have been deployed, and the history of "
            "those deployments stays."
        ) from error


def named(projects: list[Project]) -> str:
    names = [str(project) for project in projects[:3]]
    if len(projects) > 3:
        return f"{', '.join(names)} and others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def require_free(org: Organization, *, code: str) -> None:
    taken = Application.objects.in_org(org).filter(code=code).first()
    if taken is not None:
        raise CodeTaken(
            f"The code {code} belongs to the application “{taken}” already. Choose another.",
            details=[
                {
                    "location": "code",
                    "message": f"It belongs to the application “{taken}” already.",
                    "fix": "Choose another.",
                }
            ],
        )


def lock(application: Application) -> Application:
    """The application as it is now; nobody else changes its files and steps meanwhile."""
    locked = Application.objects.select_for_update(of=("self",)).select_related("org")
    return locked.get(pk=application.pk)


def record(application: Application, verb: str, *, by: Actor, **data: object) -> None:
    events.record(
        org=application.org,
        by=by,
        verb=verb,
        subject=Subject("application", application.uid, application.name),
        data={"application": application.code, **data},
    )


def curl_for(application: Application) -> str:
    """How a pipeline creates a version, as people type it."""
    address = f"{settings.HYDRA_URL}/api/externals/version/create"
    return (
        f'curl -X POST "{address}?appCode={application.code}&version=v1.0.0" \\\n'
        '  -H "Authorization: Bearer $HYDRA_API_KEY"'
    )
