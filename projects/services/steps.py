"""The steps of an application's deployments, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from graphlib import CycleError, TopologicalSorter

from django.db import transaction

from hydra.errors import Conflict, Invalid, NotFound
from orgs.models import Actor
from orgs.services import events
from orgs.services.events import Subject
from projects import conditions
from projects.models import Application, Step, StepType
from projects.services import applications, step_templates
from projects.services.naming import require_name, require_text

LONGEST_SCRIPT = 200_000
LONGEST_TIMEOUT_SECONDS = 86_400
MOST_RETRIES = 10
LONGEST_BACKOFF_SECONDS = 3600
MOST_STEPS = 200


class StepOrderOutdated(Conflict):
    """Somebody added or deleted a step since the order was shown."""

    code = "order_outdated"


@dataclass(frozen=True)
class StepFacts:
    """What a step does, and when. A template has `template` and `parameters`, no script."""

    name: str
    type: str = StepType.BASH
    script: str = ""
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    timeout_seconds: int = 60
    retries: int = 0
    backoff_seconds: int = 1
    continue_on_error: bool = False
    run_when: str = "success"
    needs: tuple[str, ...] = ()
    safe_to_repeat: bool = False


@transaction.atomic
def create_step(application: Application, *, facts: StepFacts, by: Actor) -> Step:
    """A step after all others."""
    application = applications.lock(application)
    existing = list(application.steps.all())
    if len(existing) >= MOST_STEPS:
        raise Conflict(f"An application has at most {MOST_STEPS} steps.")
    require_sound(facts)
    require_order(facts.needs, of="", among=existing)
    last = max((step.position for step in existing), default=-1)
    step = Step(application=application, position=last + 1)
    apply(facts, step)
    step.save(force_insert=True)
    record(step, "step.created", by=by)
    return step


@transaction.atomic
def update_step(step: Step, *, facts: StepFacts, by: Actor) -> Step:
    """Replace what a step does; its place in the order stays."""
    application = applications.lock(step.application)
    existing = list(application.steps.all())
    found = next((other for other in existing if other.pk == step.pk), None)
    if found is None:
        raise NotFound("This step has been deleted meanwhile.")
    require_sound(facts)
    require_order(facts.needs, of=found.uid, among=existing)
    found.application = application
    before = described(found)
    apply(facts, found)
    found.save()
    record(found, "step.updated", by=by, **events.changes(before, described(found)))
    return found


@transaction.atomic
def delete_step(step: Step, *, by: Actor) -> None:
    """Delete a step; what needed it needs it no longer."""
    application = applications.lock(step.application)
    for other in application.steps.exclude(pk=step.pk):
        if step.uid in other.needs:
            other.needs = [uid for uid in other.needs if uid != step.uid]
            other.save(update_fields=["needs"])
    record(step, "step.deleted", by=by)
    step.delete()


@transaction.atomic
def reorder_steps(application: Application, *, uids: Sequence[str], by: Actor) -> list[Step]:
    """Put the steps into the order of `uids`, which must name each of them once."""
    application = applications.lock(application)
    known = {step.uid: step for step in application.steps.all()}
    if len(uids) != len(known) or set(uids) != set(known):
        raise StepOrderOutdated(
            "The steps have changed since this page was opened, so the order was not saved. "
            "Look at the newer list and order it again."
        )
    before = [step.name for step in known.values()]
    ordered = [known[uid] for uid in uids]
    for position, step in enumerate(ordered):
        step.position = position
    Step.objects.bulk_update(ordered, ["position"])
    after = [step.name for step in ordered]
    if after != before:
        told = events.changes({"order": before}, {"order": after})
        applications.record(application, "application.steps_reordered", by=by, **told)
    return ordered


def facts_of(step: Step) -> StepFacts:
    """What a step does now, as a start for what it shall do (`dataclasses.replace`)."""
    return StepFacts(
        name=step.name,
        type=step.type,
        script=step.script,
        template=step.template,
        parameters=step.parameters,
        description=step.description,
        timeout_seconds=step.timeout_seconds,
        retries=step.retries,
        backoff_seconds=step.backoff_seconds,
        continue_on_error=step.continue_on_error,
        run_when=step.run_when,
        needs=tuple(step.needs),
        safe_to_repeat=step.safe_to_repeat,
    )


def apply(facts: StepFacts, step: Step) -> None:
    is_template = facts.type == StepType.TEMPLATE
    step.name = facts.name.strip()
    step.description = facts.description.strip()
    step.type = facts.type
    step.script = "" if is_template else facts.script
    step.template = facts.template if is_template else ""
    step.parameters = dict(facts.parameters) if is_template else {}
    step.timeout_seconds = facts.timeout_seconds
    step.retries = facts.retries
    step.backoff_seconds = facts.backoff_seconds
    step.continue_on_error = facts.continue_on_error
    step.run_when = facts.run_when.strip()
    step.needs = list(dict.fromkeys(facts.needs))
    step.safe_to_repeat = facts.safe_to_repeat


def require_sound(facts: StepFacts) -> None:
    require_name(facts.name, thing="A step")
    require_text(facts.description, at="description", longest=500)
    if facts.type not in StepType.values:
        raise Invalid.at("type", f"The type must be one of {', '.join(StepType.values)}.")
    if facts.type == StepType.TEMPLATE:
        step_templates.require_parameters(facts.template, facts.parameters)
    elif not facts.script.strip():
        raise Invalid.at("script", "The script is empty.")
    require_text(facts.script, at="script", longest=LONGEST_SCRIPT)
    require_between(facts.timeout_seconds, 1, LONGEST_TIMEOUT_SECONDS, at="timeout_seconds")
    require_between(facts.retries, 0, MOST_RETRIES, at="retries")
    require_between(facts.backoff_seconds, 0, LONGEST_BACKOFF_SECONDS, at="backoff_seconds")
    require_condition(facts.run_when.strip())


def require_between(number: int, least: int, most: int, *, at: str) -> None:
    if not least <= number <= most:
        raise Invalid.at(at, f"It must be between {least} and {most:,}.")


def require_condition(expression: str) -> None:
    try:
        conditions.check_condition(expression)
    except conditions.ConditionError as error:
        raise Invalid.at(
            "run_when",
            f"{error}.",
            'Write always, success, failure, or a condition such as environment == "production".',
        ) from error
    if len(expression) > 300:
        raise Invalid.at("run_when", "A condition has at most 300 characters.")


def require_order(needs: Sequence[str], *, of: str, among: Sequence[Step]) -> None:
    """Refuse needs that name no step of the application, or that go round in a circle."""
    names = {step.uid: step.name for step in among}
    unknown = [uid for uid in needs if uid not in names or uid == of]
    if unknown:
        raise Invalid.at("needs", "A step needs only other steps of the same application.")
    graph: dict[str, Sequence[str]] = {step.uid: step.needs for step in among}
    graph[of] = needs
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " → ".join(names.get(uid, "this step") for uid in error.args[1])
        raise Invalid.at("needs", f"The steps would wait for each other: {circle}.") from error


def described(step: Step) -> dict[str, object]:
    """A step as events tell of it; not its script, nor what a template is given."""
    facts = asdict(facts_of(step))
    return facts | {
        "script": events.outline(step.script),
        "parameters": {name: events.outline(value) for name, value in step.parameters.items()},
        "needs": list(step.needs),
    }


def record(step: Step, verb: str, *, by: Actor, **data: object) -> None:
    application = step.application
    events.record(
        org=application.org,
        by=by,
        verb=verb,
        subject=Subject("step", step.uid, step.name),
        data={"application": application.code, "name": step.name, "type": step.type, **data},
    )
