"""A project with everything that belongs to it, in one transaction: what programs ask for.

Every mistake is looked for before anything is refused, so that one answer names them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import transaction
from django.db.models import Model

from agents.models import Agent
from hydra.errors import Detail, Invalid, NotFound
from orgs.models import Actor, Environment, Organization
from orgs.services import events
from projects.models import (
    Application,
    AutoDeployRule,
    ConfigFile,
    Override,
    Project,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
    Strategy,
)
from projects.services import projects, rules
from projects.services.overrides import require_merges

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class RuleSpec:
    """A regular expression that version names are held against; empty matches all."""

    pattern: str = ""
    is_enabled: bool = True


@dataclass(frozen=True)
class ApplicationSpec:
    """An application to connect: its rules by environment, its texts by file and environment."""

    code: str
    rules: Mapping[str, RuleSpec] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectSpec:
    """What the project shall be; everything in it is named as people name it."""

    name: str
    code: str
    environments: Sequence[str] = ()
    applications: Sequence[ApplicationSpec] = ()
    agents: Sequence[str] = ()


@dataclass(frozen=True)
class Connection:
    """One application of the spec with the rows that it names."""

    application: Application
    rules: list[tuple[Environment, RuleSpec]]
    overrides: dict[tuple[ConfigFile, Environment], str]


class Directory:
    """What the organization has, by the names that specs use; notes what it lacks."""

    def __init__(self, org: Organization, spec: ProjectSpec) -> None:
        self.missing: list[Detail] = []
        self.wrong: list[Detail] = []
        self.environments = {e.name.lower(): e for e in Environment.objects.in_org(org)}
        codes = [wanted.code for wanted in spec.applications]
        self.applications = {
            application.code: application
            for application in Application.objects.in_org(org)
            .filter(code__in=codes)
            .prefetch_related("config_files")
        }
        self.agents = {agent.name.lower(): agent for agent in Agent.objects.in_org(org).live()}

    def environment(self, name: str, *, at: str) -> Environment | None:
        """By name, whatever its case: no two environments differ by case alone."""
        found = self.environments.get(name.strip().lower())
        return self.noting(found, f"environment “{name}”", at=at)

    def application(self, code: str, *, at: str) -> Application | None:
        return self.noting(self.applications.get(code), f"application “{code}”", at=at)

    def agent(self, name: str, *, at: str) -> Agent | None:
        return self.noting(self.agents.get(name.strip().lower()), f"agent “{name}”", at=at)

    def config_file(self, application: Application, name: str, *, at: str) -> ConfigFile | None:
        """The file of that name; where it has variants, the one for every other version."""
        files = [file for file in application.config_files.all() if file.name == name]
        found = next((file for file in files if not file.version_pattern), None)
        found = found or next(iter(files), None)
        return self.noting(found, f"config “{name}” of {application.code}", at=at)

    def noting(self, found: Row | None, what: str, *, at: str) -> Row | None:
        """`found` as it is, with a note when there is none."""
        if found is None:
            self.missing.append(Detail(location=at, message=f"There is no {what}."))
        return found

    def note_wrong(self, message: str, *, at: str) -> None:
        self.wrong.append(Detail(location=at, message=message))

    def require_complete(self) -> None:
        """Refuse with all that was noted: first what is missing, then what is wrong."""
        if self.missing:
            sentence = " ".join(detail["message"] for detail in self.missing[:5])
            raise NotFound(f"{sentence} Nothing was created.", details=self.missing)
        if self.wrong:
            first = self.wrong[0]
            raise Invalid(f"{first['location']}: {first['message']}", details=self.wrong)


@transaction.atomic
def create_connected(org: Organization, *, by: Actor, spec: ProjectSpec) -> Project:
    """The whole project or nothing.

    NotFound names everything that does not exist, Invalid the place of everything that is wrong.
    """
    project = projects.insert_project(org, name=spec.name, code=spec.code)
    directory = Directory(org, spec)
    environments = resolve_environments(spec, directory)
    agents = resolve_agents(spec, directory)
    connections = list(resolve_applications(spec, directory, environments))
    directory.require_complete()
    ProjectEnvironment.objects.bulk_create(
        ProjectEnvironment(project=project, environment=environment) for environment in environments
    )
    ProjectAgent.objects.bulk_create(ProjectAgent(project=project, agent=agent) for agent in agents)
    connect(project, connections, by=by)
    announce(project, environments=environments, connections=connections, by=by)
    return project


def resolve_environments(spec: ProjectSpec, directory: Directory) -> list[Environment]:
    found = (
        directory.environment(name, at=f"environments.{number}")
        for number, name in enumerate(spec.environments)
    )
    return list(dict.fromkeys(environment for environment in found if environment is not None))


def resolve_agents(spec: ProjectSpec, directory: Directory) -> list[Agent]:
    found = (
        directory.agent(name, at=f"agents.{number}.name") for number, name in enumerate(spec.agents)
    )
    return list(dict.fromkeys(agent for agent in found if agent is not None))


def resolve_applications(
    spec: ProjectSpec, directory: Directory, environments: Sequence[Environment]
) -> Iterator[Connection]:
    seen: set[str] = set()
    for number, wanted in enumerate(spec.applications):
        at = f"connectedApps.{number}"
        application = directory.application(wanted.code, at=f"{at}.appCode")
        if application is None:
            continue
        if wanted.code in seen:
            directory.note_wrong(f"{wanted.code} is named twice.", at=f"{at}.appCode")
        seen.add(wanted.code)
        resolver = Resolver(directory, application, environments, at)
        yield Connection(
            application,
            rules=list(resolver.rules(wanted.rules)),
            overrides=resolver.overrides(wanted.configs),
        )


@dataclass(frozen=True)
class Resolver:
    """Finds what one connected application names, and checks it."""

    directory: Directory
    application: Application
    environments: Sequence[Environment]
    at: str

    def rules(self, wanted: Mapping[str, RuleSpec]) -> Iterator[tuple[Environment, RuleSpec]]:
        for name, spec in wanted.items():
            at = f"{self.at}.autoDeployRules.{name}"
            environment = self.environment(name, at=at)
            try:
                rules.require_pattern(Strategy.REGEX, spec.pattern, at=f"{at}.rule")
            except Invalid as refusal:
                self.directory.wrong.extend(refusal.details)
                continue
            if environment is not None:
                yield environment, spec

    def overrides(
        self, wanted: Mapping[str, Mapping[str, str]]
    ) -> dict[tuple[ConfigFile, Environment], str]:
        found: dict[tuple[ConfigFile, Environment], str] = {}
        for file_name, texts in wanted.items():
            at = f"{self.at}.configs.{file_name}"
            file = self.directory.config_file(self.application, file_name, at=at)
            for name, text in texts.items():
                environment = self.environment(name, at=f"{at}.{name}")
                if file is None or environment is None:
                    continue
                if (file, environment) in found:
                    self.directory.note_wrong(f"{environment} is named twice.", at=f"{at}.{name}")
                if self.merges(file, text, at=f"{at}.{name}"):
                    found[file, environment] = text
        return found

    def merges(self, file: ConfigFile, text: str, *, at: str) -> bool:
        try:
            require_merges(file, text, at=at)
        except Invalid as refusal:
            self.directory.wrong.extend(refusal.details)
            return False
        return True

    def environment(self, name: str, *, at: str) -> Environment | None:
        """One that the project uses: another would give it a rule or an override for nowhere."""
        environment = self.directory.environment(name, at=at)
        if environment is not None and environment not in self.environments:
            self.directory.note_wrong(
                f"{environment} is not among the project's environments: add it there.", at=at
            )
            return None
        return environment


def connect(project: Project, connections: Iterable[Connection], *, by: Actor) -> None:
    """Write the applications' links, rules and overrides, each kind in one statement."""
    links: list[ProjectApplication] = []
    new_rules: list[AutoDeployRule] = []
    overrides: list[Override] = []
    for connection in connections:
        links.append(ProjectApplication(project=project, application=connection.application))
        new_rules += [
            AutoDeployRule(
                org=project.org,
                project=project,
                application=connection.application,
                environment=environment,
                pattern=spec.pattern,
                is_enabled=spec.is_enabled,
                position=len(new_rules) + number,
            )
            for number, (environment, spec) in enumerate(connection.rules)
        ]
        overrides += [
            compose_override(project, file=file, environment=environment, text=text, by=by)
            for (file, environment), text in connection.overrides.items()
            if text
        ]
    ProjectApplication.objects.bulk_create(links)
    AutoDeployRule.objects.bulk_create(new_rules)
    Override.objects.bulk_create(overrides)
    projects.forget_rules(sorted({rule.application_id for rule in new_rules}))


def compose_override(
    project: Project, *, file: ConfigFile, environment: Environment, text: str, by: Actor
) -> Override:
    override = Override(
        org=project.org,
        project=project,
        config_file=file,
        environment=environment,
        updated_by_label=by.label[:200],
    )
    override.seal_content(text)
    return override


def announce(
    project: Project,
    *,
    environments: Sequence[Environment],
    connections: Sequence[Connection],
    by: Actor,
) -> None:
    """One event for the whole: it was one act."""
    events.record(
        org=project.org,
        by=by,
        verb="project.created",
        subject=events.Subject("project", project.uid, project.name),
        data={
            "project": project.code,
            "environments": [environment.slug for environment in environments],
            "applications": [
                {
                    "code": connection.application.code,
                    "rules": [
                        {"environment": environment.slug, "pattern": spec.pattern}
                        for environment, spec in connection.rules
                    ],
                    "overrides": [
                        {"file": file.name, "environment": environment.slug}
                        for file, environment in connection.overrides
                    ],
                }
                for connection in connections
            ],
        },
    )
