"""What a deployment will run: steps, config files and variables of one place, rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypedDict, TypeVar

from django.db.models import Q, QuerySet

from hydra.compiled import compiled
from hydra.errors import Refused
from orgs.models import Environment
from projects import conditions, matching, merging
from projects.merging import interpolation
from projects.models import (
    Application,
    ConfigFile,
    Override,
    Project,
    Step,
    Variable,
    Version,
)
from projects.services import step_templates


class CannotRender(Refused):
    """The configuration of a place does not come out whole; `details` name file and line."""

    code = "cannot_render"


class StepPlan(TypedDict):
    """One step as an agent runs it."""

    position: int
    name: str
    type: str
    script: str
    timeout_s: int
    retries: int
    backoff_s: int
    continue_on_error: bool
    run_when: str
    needs: list[int]
    safe_to_repeat: bool


class FilePlan(TypedDict):
    """A rendered file. One with a sensitive override is never shown to people."""

    name: str
    content: str
    is_sensitive: bool


class Content(TypedDict):
    """What a snapshot freezes and seals."""

    steps: list[StepPlan]
    files: list[FilePlan]
    env: dict[str, str]
    secrets: list[str]
    agents: list[str]


class Patterned(Protocol):
    """A config file or an override: one of several variants by version."""

    version_pattern: str


Variant = TypeVar("Variant", bound=Patterned)


@dataclass(frozen=True)
class Place:
    """Where something is deployed to, and how it is reached there."""

    project: Project
    environment: Environment
    url: str


@dataclass(frozen=True)
class Sources:
    """Everything that may bear on one application's deployments in some projects.

    Loaded once for all places that a version goes to: four queries, however many they are.
    """

    application: Application
    files: list[ConfigFile]
    steps: list[Step]
    overrides: list[Override]
    variables: list[Variable]


def load_sources(application: Application, *, projects: Iterable[Project]) -> Sources:
    project_ids = sorted({project.pk for project in projects})
    files = files_of(application_id=application.pk)
    overrides = (
        overrides_for(application_id=application.pk, project_ids=project_ids) if files else []
    )
    return Sources(
        application=application,
        files=files,
        steps=steps_of(application_id=application.pk),
        overrides=overrides,
        variables=variables_for(org_id=application.org_id, project_ids=project_ids),
    )


@compiled
def files_of(*, application_id: int) -> QuerySet[ConfigFile]:
    return ConfigFile.objects.filter(application_id=application_id)


@compiled
def steps_of(*, application_id: int) -> QuerySet[Step]:
    return Step.objects.filter(application_id=application_id)


@compiled
def overrides_for(*, application_id: int, project_ids: Collection[int]) -> QuerySet[Override]:
    rows = Override.objects.filter(config_file__application_id=application_id)
    return rows.filter(project__in=project_ids).order_by("pk")


@compiled
def variables_for(*, org_id: int, project_ids: Collection[int]) -> QuerySet[Variable]:
    """The organization's own, and those of the projects."""
    theirs = Q(project=None) | Q(project__in=project_ids)
    return Variable.objects.filter(theirs, org_id=org_id)


def render(
    sources: Sources, *, place: Place, version: Version, previous: str, agents: list[str]
) -> Content:
    """What an agent will run for `version` at `place`. CannotRender when something lacks."""
    variables = variables_at(sources, place)
    values = {variable.key: variable.open_value() for variable in variables}
    known = {**values, **builtin_values(sources.application, place, version)}
    return Content(
        steps=render_steps(sources, place=place, version=version, known=known),
        files=render_files(sources, place=place, version=version, known=known),
        env={**environment_variables(sources.application, place, version, previous), **values},
        secrets=sorted({values[v.key] for v in variables if v.is_sensitive}),
        agents=agents,
    )


def variables_at(sources: Sources, place: Place) -> list[Variable]:
    """One variable per key: project and environment beat project, which beats the organization."""
    chosen: dict[str, Variable] = {}
    here = [
        v
        for v in sources.variables
        if v.project_id in (None, place.project.pk)
        and v.environment_id in (None, place.environment.pk)
    ]
    for variable in sorted(here, key=rank):
        chosen[variable.key] = variable
    return list(chosen.values())


def rank(variable: Variable) -> tuple[bool, bool]:
    return (variable.project_id is not None, variable.environment_id is not None)


def builtin_values(application: Application, place: Place, version: Version) -> dict[str, str]:
    return {
        "hydra.version": version.name,
        "hydra.build": str(version.build),
        "hydra.environment": place.environment.slug,
        "hydra.project": place.project.code,
        "hydra.application": application.code,
        "hydra.url": place.url,
        "hydra.image": version.image,
    }


def environment_variables(
    application: Application, place: Place, version: Version, previous: str
) -> dict[str, str]:
    """What every script finds in its environment; the agent adds its folders, the job its id."""
    return {
        "HYDRA_VERSION": version.name,
        "HYDRA_BUILD": str(version.build),
        "HYDRA_ENVIRONMENT": place.environment.slug,
        "HYDRA_PROJECT": place.project.code,
        "HYDRA_APPLICATION": application.code,
        "HYDRA_URL": place.url,
        "HYDRA_IMAGE": version.image,
        "HYDRA_COMMIT": version.commit,
        "HYDRA_PREVIOUS_VERSION": previous,
    }


def variant_for(variants: Iterable[Variant], version_name: str) -> Variant | None:
    """The first whose pattern matches the version, else the one without a pattern."""
    default: Variant | None = None
    for variant in variants:
        if not variant.version_pattern:
            default = default or variant
        elif matching.compile_pattern("regex", variant.version_pattern).matches(version_name):
            return variant
    return default


def chosen_files(sources: Sources, version: Version) -> list[ConfigFile]:
    """For each file name the variant that this version uses."""
    names = sorted({file.name for file in sources.files})
    found = (
        variant_for([f for f in sources.files if f.name == name], version.name) for name in names
    )
    return [file for file in found if file is not None]


def override_for(
    sources: Sources, file: ConfigFile, *, place: Place, version: Version
) -> Override | None:
    candidates = [
        override
        for override in sources.overrides
        if override.config_file_id == file.pk
        and override.project_id == place.project.pk
        and override.environment_id == place.environment.pk
    ]
    return variant_for(candidates, version.name)


def render_files(
    sources: Sources, *, place: Place, version: Version, known: Mapping[str, str]
) -> list[FilePlan]:
    rendered = []
    for file in chosen_files(sources, version):
        override = override_for(sources, file, place=place, version=version)
        text = override.open_content() if override is not None else None
        rendered.append(
            FilePlan(
                name=file.name,
                content=render_file(file, text, known),
                is_sensitive=override is not None and override.is_sensitive,
            )
        )
    return rendered


def render_file(file: ConfigFile, override: str | None, known: Mapping[str, str]) -> str:
    kind = merging.FileType(file.file_type)
    try:
        merged = merging.merge(kind, file.content, override)
        return interpolation.interpolate_file(kind, merged.text, known, file=file.name)
    except merging.ConfigError as error:
        raise CannotRender(
            f"{file.name} cannot be merged: {error}",
            details=[{"location": file.name, "message": str(error)}],
        ) from error
    except interpolation.UnknownVariable as error:
        raise CannotRender(
            str(error), details=[{"location": file.name, "message": str(error)}]
        ) from error


def render_steps(
    sources: Sources, *, place: Place, version: Version, known: Mapping[str, str]
) -> list[StepPlan]:
    """The steps that apply here, numbered anew; a condition that is false leaves its step out."""
    applying = [
        (step, run_when)
        for step in sources.steps
        if (run_when := when_to_run(step, place=place, version=version)) is not None
    ]
    positions = {step.uid: position for position, (step, _) in enumerate(applying)}
    plans = []
    for position, (step, run_when) in enumerate(applying):
        kind, script = script_of(step, sources.application, known)
        plans.append(
            StepPlan(
                position=position,
                name=step.name,
                type=kind,
                script=script,
                timeout_s=step.timeout_seconds,
                retries=step.retries,
                backoff_s=step.backoff_seconds,
                continue_on_error=step.continue_on_error,
                run_when=run_when,
                needs=[positions[uid] for uid in step.needs if uid in positions],
                safe_to_repeat=step.safe_to_repeat,
            )
        )
    return plans


def script_of(step: Step, application: Application, known: Mapping[str, str]) -> tuple[str, str]:
    try:
        return step_templates.render_script(step, application, known=known)
    except interpolation.UnknownVariable as error:
        raise CannotRender(
            str(error), details=[{"location": f"step {step.name}", "message": str(error)}]
        ) from error


def when_to_run(step: Step, *, place: Place, version: Version) -> str | None:
    """The agent's word for when to run; None where a condition leaves the step out."""
    return conditions.run_when(
        step.run_when,
        environment=place.environment.slug,
        version=version.name,
        tags=version.tags,
    )


def summarize(content: Content) -> dict[str, object]:
    """What people and programs may see of a snapshot: no values, no file contents."""
    return {
        "steps": [
            {k: step[k] for k in ("position", "name", "type", "timeout_s", "safe_to_repeat")}
            for step in content["steps"]
        ],
        "files": [
            {
                "name": file["name"],
                "bytes": len(file["content"].encode()),
                "digest": hashlib.sha256(file["content"].encode()).hexdigest(),
            }
            for file in content["files"]
        ],
        "variables": sorted(content["env"]),
        "agents": content["agents"],
    }
