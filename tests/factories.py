"""Builders: one plain function per noun, each with sensible defaults and overrides.

They use the services where a service makes the thing, so that tests stand on what the product
really writes. None of them needs a network or a clock.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

import agents.services
from agents.models import Agent
from deployments.models import Deployment, Snapshot, State, Target, Trigger, Webhook
from deployments.models.deployments import FINISHED
from hydra import keys
from orgs.models import (
    SYSTEM,
    Actor,
    ActorKind,
    ApiKey,
    Environment,
    Icon,
    InviteCode,
    Membership,
    Organization,
    PersonalToken,
    Plan,
    Role,
    User,
)
from orgs.models.rights import CI_PERMISSIONS, PersonalRight, Powers, Right, powers_of
from orgs.services import environments, invites, organizations
from orgs.services import keys as key_services
from orgs.services import tokens as token_services
from orgs.services.credentials import Wish
from orgs.services.slugs import free_slug
from projects.models import (
    Application,
    AutoDeployRule,
    ConfigFile,
    FileType,
    Override,
    Project,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
    Step,
    StepType,
    Strategy,
    Variable,
    Version,
)

PASSWORD = "correct horse battery staple"

_numbers = itertools.count(1)


def number() -> int:
    return next(_numbers)


# --- People and organizations ----------------------------------------------------------------


def make_user(email: str = "", *, name: str = "", password: str = PASSWORD, **fields: Any) -> User:
    email = email or f"person-{number()}@example.org"
    return User.objects.create_user(email, password, name=name or email.split("@")[0], **fields)


def make_org(
    name: str = "", *, owner: User | None = None, plan: Plan = Plan.ENTERPRISE, **fields: Any
) -> Organization:
    """An organization without limits, and with an owner, unless asked for otherwise."""
    name = name or f"Organization {number()}"
    org = organizations.create_organization(name=name, owner=owner or make_user())
    fields["plan"] = plan
    for field_name, value in fields.items():
        setattr(org, field_name, value)
    org.save(update_fields=list(fields))
    return org


def make_member(
    org: Organization, role: Role = Role.USER, *, user: User | None = None, name: str = ""
) -> User:
    """A user who belongs to `org`."""
    user = user or make_user(name=name)
    Membership.objects.create(org=org, user=user, role=role)
    return user


def owner_of(org: Organization) -> User:
    return Membership.objects.in_org(org).select_related("user").filter(role=Role.OWNER)[0].user


def actor_of(user: User) -> Actor:
    return Actor(ActorKind.USER, user.uid, str(user))


def make_invite(
    org: Organization, role: Role = Role.USER, *, creator: User | None = None, **fields: Any
) -> tuple[InviteCode, str]:
    creator = creator or owner_of(org)
    invite, code = invites.create_invite(
        org, role=role, by=actor_of(creator), creator=creator, creator_role=Role.OWNER
    )
    for name, value in fields.items():
        setattr(invite, name, value)
    invite.save()
    return invite, code


def make_key(
    org: Organization,
    *,
    permissions: Iterable[str] = CI_PERMISSIONS,
    creator: User | None = None,
    name: str = "pipeline",
    **fields: Any,
) -> tuple[ApiKey, str]:
    """A key, and the token to send. `fields` may put it into a past that no service makes.

    It may hold more than its creator has, as when their role was a higher one then.
    """
    creator = creator or owner_of(org)
    key, token = key_services.create_key(
        org,
        wish=Wish(name, tuple(permissions)),
        powers=powers_of(Role.OWNER),
        by=actor_of(creator),
        creator=creator,
    )
    if fields:
        ApiKey.objects.filter(pk=key.pk).update(**fields)
        key.refresh_from_db()
    return key, token


def make_token(
    user: User,
    *,
    permissions: Iterable[str] = CI_PERMISSIONS,
    name: str = "laptop",
    **fields: Any,
) -> tuple[PersonalToken, str]:
    """A personal token, and what to send. It may hold more than its user has."""
    powers = Powers(frozenset((*Right, *PersonalRight)))
    made, token = token_services.create_token(
        user, wish=Wish(name, tuple(permissions)), powers=powers, by=actor_of(user)
    )
    if fields:
        PersonalToken.objects.filter(pk=made.pk).update(**fields)
        made.refresh_from_db()
    return made, token


def make_icon(org: Organization) -> Icon:
    """A picture that nothing shows."""
    return Icon.objects.get_or_create(org=org, digest="0" * 64, defaults={"png": b""})[0]


def make_environment(org: Organization, name: str = "", *, by: Actor = SYSTEM) -> Environment:
    return environments.create_environment(org, name=name or f"Stage {number()}", by=by)


def make_agent(org: Organization, name: str = "", **fields: Any) -> tuple[Agent, str]:
    """An agent, and the key that it would be started with."""
    name = name or f"server-{number()}"
    agent, token = agents.services.create_agent(org, name=name, by=SYSTEM)
    if fields:
        Agent.objects.filter(pk=agent.pk).update(**fields)
        agent.refresh_from_db()
    return agent, token


# --- Applications ----------------------------------------------------------------------------


def make_application(org: Organization, name: str = "", **fields: Any) -> Application:
    name = name or f"Application {number()}"
    fields.setdefault("code", free_slug(name, taken=(), fallback=f"app-{number()}"))
    return Application.objects.create(org=org, name=name, **fields)


def make_version(application: Application, name: str = "", **fields: Any) -> Version:
    fields.setdefault("created_by_kind", ActorKind.SYSTEM)
    return Version.objects.create(
        org=application.org, application=application, name=name or f"v1.0.{number()}", **fields
    )


def make_config_file(
    application: Application,
    name: str = "app.env",
    content: str = "MODE=base\n",
    *,
    file_type: FileType = FileType.DOTENV,
    **fields: Any,
) -> ConfigFile:
    return ConfigFile.objects.create(
        application=application, name=name, content=content, file_type=file_type, **fields
    )


def make_step(
    application: Application, name: str = "", script: str = "true", **fields: Any
) -> Step:
    fields.setdefault("position", application.steps.count())
    fields.setdefault("type", StepType.BASH)
    return Step.objects.create(
        application=application, name=name or f"Step {number()}", script=script, **fields
    )


# --- Projects --------------------------------------------------------------------------------


def make_project(
    org: Organization,
    name: str = "",
    *,
    environments: Sequence[Environment] = (),
    applications: Sequence[Application] = (),
    agents: Sequence[Agent] = (),
    **fields: Any,
) -> Project:
    """A project that uses these environments and applications, on these agents everywhere."""
    name = name or f"Project {number()}"
    fields.setdefault("code", free_slug(name, taken=(), fallback=f"project-{number()}"))
    project = Project.objects.create(org=org, name=name, **fields)
    ProjectEnvironment.objects.bulk_create(
        ProjectEnvironment(
            project=project,
            environment=environment,
            url=f"https://{environment.slug}.{project.code}.example.org",
        )
        for environment in environments
    )
    ProjectApplication.objects.bulk_create(
        ProjectApplication(project=project, application=application) for application in applications
    )
    ProjectAgent.objects.bulk_create(ProjectAgent(project=project, agent=agent) for agent in agents)
    return project


def make_rule(
    project: Project,
    application: Application,
    environment: Environment,
    pattern: str = "",
    **fields: Any,
) -> AutoDeployRule:
    fields.setdefault("strategy", Strategy.REGEX)
    Application.objects.filter(pk=application.pk).update(rules_revision=F("rules_revision") + 1)
    application.refresh_from_db(fields=["rules_revision"])
    return AutoDeployRule.objects.create(
        org=project.org,
        project=project,
        application=application,
        environment=environment,
        pattern=pattern,
        **fields,
    )


def make_override(
    project: Project,
    config_file: ConfigFile,
    environment: Environment,
    content: str = "MODE=override\n",
    **fields: Any,
) -> Override:
    override = Override(
        org=project.org,
        project=project,
        config_file=config_file,
        environment=environment,
        **fields,
    )
    override.seal_content(content)
    override.save(force_insert=True)
    return override


def make_variable(
    org: Organization, key: str = "", value: str = "value", **fields: Any
) -> Variable:
    variable = Variable(org=org, key=key or f"NAME_{number()}", **fields)
    variable.seal_value(value)
    variable.save(force_insert=True)
    return variable


# --- Deployments -----------------------------------------------------------------------------


@dataclass
class Place:
    """Where a deployment can go: a project with one application, environment and agent."""

    org: Organization
    project: Project
    application: Application
    environment: Environment
    agent: Agent
    agent_token: str = field(repr=False)


def make_place(
    org: Organization | None = None, *, environment: Environment | None = None, script: str = "true"
) -> Place:
    org = org or make_org()
    environment = environment or make_environment(org)
    application = make_application(org)
    make_step(application, script=script)
    agent, token = make_agent(org)
    project = make_project(
        org, environments=[environment], applications=[application], agents=[agent]
    )
    return Place(org, project, application, environment, agent, token)


def make_target(place: Place) -> Target:
    return Target.objects.get_or_create(
        org=place.org,
        project=place.project,
        application=place.application,
        environment=place.environment,
    )[0]


def make_snapshot(org: Organization, content: dict[str, Any] | None = None) -> Snapshot:
    snapshot = Snapshot(org=org, digest=keys.digest(f"snapshot {number()}"))
    snapshot.seal_content(content or {"steps": [], "files": [], "env": {}, "secrets": []})
    snapshot.save(force_insert=True)
    return snapshot


def make_deployment(
    place: Place, state: State = State.SUCCEEDED, *, version: Version | None = None, **fields: Any
) -> Deployment:
    """A deployment as a row alone, in any state: nothing is queued and no job is made."""
    finished_at: datetime | None = timezone.now() if state in FINISHED else None
    fields.setdefault("finished_at", finished_at)
    fields.setdefault("trigger", Trigger.MANUAL)
    fields.setdefault("requested_by_kind", ActorKind.SYSTEM)
    return Deployment.objects.create(
        org=place.org,
        target=make_target(place),
        project=place.project,
        application=place.application,
        environment=place.environment,
        version=version or make_version(place.application),
        snapshot=make_snapshot(place.org),
        state=state,
        **fields,
    )


def make_webhook(
    org: Organization, url: str = "https://receiver.example/hook", **fields: Any
) -> tuple[Webhook, str]:
    """A webhook for all events, and its signing secret."""
    secret = keys.new_webhook_secret()
    webhook = Webhook(org=org, url=url, **fields)
    webhook.seal_secret(secret)
    webhook.save(force_insert=True)
    return webhook, secret
