"""The face of Hydra's external API, `/api/externals/`: what a pipeline needs, in one call each."""

from __future__ import annotations

from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from deployments.services import versions
from deployments.shapes import ReceiptShown, show_receipt
from hydra.api.answers import Moment, moment
from hydra.api.fields import Flag, Taken, Text
from hydra.api.schema import Operation, Query, component, described
from hydra.errors import Conflict, NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from projects.access import find_application_by_code
from projects.models import Application, Project
from projects.services import connected
from projects.services.versions import VersionFacts

KEY_HELP = "The API key, unless it is sent as a bearer."


# --- A version ---------------------------------------------------------------------------------


class VersionCreateTaken(Taken):
    """May stand in the address or in the body; where both name a field, the body is taken."""

    appCode = Text(max_length=60)  # noqa: N815  # the seed's
    version = Text(max_length=128)
    key = Text(required=False, help_text=KEY_HELP)
    commit = Text(max_length=64, required=False, allow_blank=True)
    message = Text(max_length=10_000, required=False, allow_blank=True)
    author = Text(max_length=200, required=False, allow_blank=True)
    image = Text(max_length=500, required=False, allow_blank=True)
    tags = serializers.ListField(child=Text(max_length=128), max_length=50, required=False)
    notes = Text(max_length=50_000, required=False, allow_blank=True)


FACTS = ("commit", "message", "author", "image", "notes")


class VersionViewSet(OrgViewSet):
    @described(
        Operation(
            name="externalsCreateVersion",
            summary="Create a version, and deploy it where rules say so",
            tag="Externals",
            shows=component(ReceiptShown),
            status=201,
            takes=VersionCreateTaken,
            repeats="The version was there already, and nothing was started: `replayed` is true.",
            permission=permission(Right.VERSION_CREATE),
            query=(
                Query("key", KEY_HELP),
                Query("appCode", "Code of the application."),
                Query("version", "Name of the version, such as v1.2.3, main or abc1234."),
            ),
            example={"appCode": "payment-api", "version": "v1.2.3"},
        )
    )
    def create(self, request: HttpRequest) -> HttpResponse:
        taken = take_version(request, self.call.sent, view=self)
        application = self.application(taken["appCode"])
        facts = VersionFacts(
            name=taken["version"],
            tags=tuple(taken.get("tags", ())),
            **{name: taken[name] for name in FACTS if name in taken},
        )
        try:
            reception = versions.receive_version(application, facts=facts, by=self.actor)
        except Conflict as refusal:  # the seed knows one answer for all that stands in the way
            raise NotFound(refusal.message, details=refusal.details) from refusal
        shown = show_receipt(reception, application=application)
        return self.show(shown, status=201 if reception.is_new else 200)

    def application(self, code: str) -> Application:
        application = find_application_by_code(self.org, code)
        self.require(Right.VERSION_CREATE, application.uid)
        return application


def take_version(request: HttpRequest, sent: dict[str, Any], *, view: OrgViewSet) -> dict[str, Any]:
    """What the address says, and over it what the body says."""
    query: dict[str, Any] = {name: request.GET[name] for name in request.GET}
    if "tags" in query:
        query["tags"] = [tag for text in request.GET.getlist("tags") for tag in text.split(",")]
    return view.take_from(VersionCreateTaken, {**query, **sent})


# --- A project ---------------------------------------------------------------------------------


class AutoDeployRuleTaken(Taken):
    rule = Text(max_length=500, allow_blank=True, default="", help_text="Empty matches all.")
    enabled = Flag(default=True)


class ConnectedApplicationTaken(Taken):
    appCode = Text(max_length=60)  # noqa: N815  # the seed's
    autoDeployRules = serializers.DictField(  # noqa: N815
        child=AutoDeployRuleTaken(), required=False, help_text="By name of the environment"
    )
    configs = serializers.DictField(
        child=serializers.DictField(child=Text(allow_blank=True)),
        required=False,
        help_text="Overrides by name of the config file, then of the environment",
    )


class AgentNamedTaken(Taken):
    name = Text(max_length=100)


class ProjectCreateTaken(Taken):
    key = Text(required=False, help_text=KEY_HELP)
    name = Text(max_length=100, trim_whitespace=True)
    code = Text(max_length=60)
    environments = serializers.ListField(child=Text(max_length=60), required=False)
    connectedApps = ConnectedApplicationTaken(many=True, required=False)  # noqa: N815
    agents = AgentNamedTaken(many=True, required=False)


class RuleCreatedShown(TypedDict):
    id: str
    rule: str
    enabled: bool


class ConnectedApplicationShown(TypedDict):
    """What was connected: rules by environment, and which files are overridden where."""

    appCode: str
    autoDeployRules: dict[str, RuleCreatedShown]
    configs: dict[str, list[str]]


class AgentLinkedShown(TypedDict):
    id: str
    name: str


class ProjectCreatedShown(TypedDict):
    """The project as it was created. Texts of configs, which may be secret, are not repeated."""

    id: str
    name: str
    code: str
    slug: str
    environments: list[str]
    connectedApps: list[ConnectedApplicationShown]
    agents: list[AgentLinkedShown]
    created_at: Moment


class ProjectViewSet(OrgViewSet):
    @described(
        Operation(
            name="externalsCreateProject",
            summary="Create a project with its environments, applications, rules and agents",
            tag="Externals",
            shows=component(ProjectCreatedShown),
            status=201,
            takes=ProjectCreateTaken,
            permission=permission(Right.PROJECT_CREATE),
            example={
                "name": "Payment Service",
                "code": "payment-service",
                "environments": ["Development", "Production"],
                "connectedApps": [
                    {
                        "appCode": "payment-api",
                        "autoDeployRules": {"Development": {"rule": "", "enabled": True}},
                        "configs": {"app.env": {"Development": "LOG_LEVEL=debug"}},
                    }
                ],
                "agents": [{"name": "prod-server-1"}],
            },
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.PROJECT_CREATE)
        spec = spec_of(self.take(ProjectCreateTaken))
        project = connected.create_connected(self.org, by=self.actor, spec=spec)
        return self.show(show_project(project), status=201)


def spec_of(taken: dict[str, Any]) -> connected.ProjectSpec:
    return connected.ProjectSpec(
        name=taken["name"],
        code=taken["code"],
        environments=taken.get("environments", []),
        applications=[
            connected.ApplicationSpec(
                code=wanted["appCode"],
                rules={
                    environment: connected.RuleSpec(rule["rule"], rule["enabled"])
                    for environment, rule in wanted.get("autoDeployRules", {}).items()
                },
                configs=wanted.get("configs", {}),
            )
            for wanted in taken.get("connectedApps", [])
        ],
        agents=[agent["name"] for agent in taken.get("agents", [])],
    )


def show_project(project: Project) -> ProjectCreatedShown:
    links = project.project_environments.select_related("environment")
    agents = project.project_agents.select_related("agent")
    return ProjectCreatedShown(
        id=project.uid,
        name=project.name,
        code=project.code,
        slug=project.code,
        environments=[link.environment.name for link in links],
        connectedApps=show_connected(project),
        agents=[AgentLinkedShown(id=link.agent.uid, name=link.agent.name) for link in agents],
        created_at=moment(project.created_at),
    )


def show_connected(project: Project) -> list[ConnectedApplicationShown]:
    links = project.project_applications.select_related("application").order_by("pk")
    shown = {
        link.application_id: ConnectedApplicationShown(
            appCode=link.application.code, autoDeployRules={}, configs={}
        )
        for link in links
    }
    for rule in project.rules.select_related("environment").order_by("position"):
        created = RuleCreatedShown(id=rule.uid, rule=rule.pattern, enabled=rule.is_enabled)
        shown[rule.application_id]["autoDeployRules"][rule.environment.name] = created
    for override in project.overrides.select_related("config_file", "environment"):
        files = shown[override.config_file.application_id]["configs"]
        files.setdefault(override.config_file.name, []).append(override.environment.name)
    return list(shown.values())
