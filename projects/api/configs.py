"""`/api/v1/applications/:id/configs` and `/api/v1/applications/:id/steps`"""

from __future__ import annotations

from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from hydra.api.answers import Moment, moment
from hydra.api.fields import Flag, Taken, Text, Whole
from hydra.api.paging import BY_POSITION, OLDEST_FIRST
from hydra.api.schema import PAGED, Operation, data, described, page
from orgs.access import Right, permission
from projects.access import ApplicationRoute
from projects.models import ConfigFile, FileType, Step, StepType
from projects.services import configs, steps


class ConfigShown(TypedDict):
    """A base file of an application."""

    id: str
    name: str
    type: str
    content: str
    version_pattern: str
    updated_at: Moment


class ConfigTaken(Taken):
    name = Text(max_length=200, help_text="Relative path, such as conf/app.env")
    type = serializers.ChoiceField(choices=FileType.choices)
    content = Text(allow_blank=True, required=False, default="")
    version_pattern = Text(max_length=500, allow_blank=True, required=False, default="")


class StepShown(TypedDict):
    """One script or template in an application's deployment."""

    id: str
    position: int
    name: str
    description: str
    type: str
    script: str
    template: str
    parameters: dict[str, Any]
    timeout_seconds: int
    retries: int
    backoff_seconds: int
    continue_on_error: bool
    run_when: str
    needs: list[str]
    safe_to_repeat: bool


class StepTaken(Taken):
    name = Text(max_length=100, trim_whitespace=True)
    type = serializers.ChoiceField(choices=StepType.choices, default=StepType.BASH)
    script = Text(allow_blank=True, required=False)
    template = Text(max_length=40, allow_blank=True, required=False)
    parameters = serializers.DictField(child=Text(allow_blank=True), required=False)
    description = Text(max_length=500, allow_blank=True, required=False)
    timeout_seconds = Whole(min_value=1, max_value=86_400, required=False)
    retries = Whole(min_value=0, max_value=100, required=False)
    backoff_seconds = Whole(min_value=0, max_value=3600, required=False)
    continue_on_error = Flag(required=False)
    run_when = Text(max_length=300, required=False)
    needs = serializers.ListField(child=Text(max_length=40), required=False)
    safe_to_repeat = Flag(required=False)

    def validate_needs(self, needs: list[str]) -> tuple[str, ...]:
        return tuple(needs)


def show_config(config_file: ConfigFile) -> ConfigShown:
    return ConfigShown(
        id=config_file.uid,
        name=config_file.name,
        type=config_file.file_type,
        content=config_file.content,
        version_pattern=config_file.version_pattern,
        updated_at=moment(config_file.updated_at),
    )


def show_step(step: Step) -> StepShown:
    return StepShown(
        id=step.uid,
        position=step.position,
        name=step.name,
        description=step.description,
        type=step.type,
        script=step.script,
        template=step.template,
        parameters=step.parameters,
        timeout_seconds=step.timeout_seconds,
        retries=step.retries,
        backoff_seconds=step.backoff_seconds,
        continue_on_error=step.continue_on_error,
        run_when=step.run_when,
        needs=step.needs,
        safe_to_repeat=step.safe_to_repeat,
    )


class ConfigViewSet(ApplicationRoute):
    @described(
        Operation(
            name="listConfigs",
            summary="List the config files of an application",
            tag="Applications",
            shows=page(ConfigShown),
            permission=permission(Right.APPLICATION_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_READ)
        return self.show_page(application.config_files.all(), show_config, order=OLDEST_FIRST)

    @described(
        Operation(
            name="createConfig",
            summary="Add a config file to an application",
            tag="Applications",
            shows=data(ConfigShown),
            status=201,
            takes=ConfigTaken,
            permission=permission(Right.APPLICATION_UPDATE),
            example={"name": "app.env", "type": "DOTENV", "content": "PORT=3000\n"},
        )
    )
    def create(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_UPDATE)
        taken = self.take(ConfigTaken)
        facts = configs.ConfigFacts(
            name=taken["name"],
            file_type=taken["type"],
            content=taken["content"],
            version_pattern=taken["version_pattern"],
        )
        config_file = configs.save_config_file(application, facts=facts, by=self.actor)
        return self.show(show_config(config_file), status=201)


class StepViewSet(ApplicationRoute):
    @described(
        Operation(
            name="listSteps",
            summary="List the deployment steps of an application, in order",
            tag="Applications",
            shows=page(StepShown),
            permission=permission(Right.APPLICATION_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_READ)
        return self.show_page(application.steps.all(), show_step, order=BY_POSITION)

    @described(
        Operation(
            name="createStep",
            summary="Add a step at the end of an application's deployment",
            tag="Applications",
            shows=data(StepShown),
            status=201,
            takes=StepTaken,
            permission=permission(Right.APPLICATION_UPDATE),
            example={"name": "Restart", "type": "bash", "script": "systemctl restart shop"},
        )
    )
    def create(self, _request: HttpRequest, uid: str) -> HttpResponse:
        application = self.application(uid, needs=Right.APPLICATION_UPDATE)
        facts = steps.StepFacts(**self.take(StepTaken))
        return self.show(
            show_step(steps.create_step(application, facts=facts, by=self.actor)), status=201
        )
