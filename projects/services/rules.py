"""Auto-deploy rules. Every change makes compiled rules that are kept in memory stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from hydra.errors import Detail, Invalid
from orgs.models import Actor, Environment
from orgs.services import events
from orgs.services.environments import OrderChanged, OrderOutdated
from orgs.services.events import Subject
from projects import matching
from projects.models import Application, AutoDeployRule, Project, Strategy
from projects.services.projects import forget_rules, lock, require_contains, require_uses

LONGEST_DELAY_MINUTES = 60 * 24 * 30


@dataclass(frozen=True)
class RuleFacts:
    """When a rule fires, and for where."""

    application: Application
    environment: Environment
    strategy: str = Strategy.REGEX
    pattern: str = ""
    delay_minutes: int = 0
    is_enabled: bool = True
    allows_older: bool = False


@transaction.atomic
def create_rule(project: Project, *, facts: RuleFacts, by: Actor) -> AutoDeployRule:
    """A rule at the end of the project's list, once its pattern has compiled."""
    project = lock(project)
    require_sound(project, facts)
    last = project.rules.last()
    position = 0 if last is None else last.position + 1
    rule = AutoDeployRule(org=project.org, project=project, position=position)
    apply(facts, rule)
    rule.save(force_insert=True)
    forget_rules([rule.application_id])
    record(rule, "rule.created", by=by)
    return rule


@transaction.atomic
def update_rule(rule: AutoDeployRule, *, facts: RuleFacts, by: Actor) -> AutoDeployRule:
    """Replace what a rule says. Versions that were decided on before stay decided."""
    project = lock(rule.project)
    require_sound(project, facts)
    applications = {rule.application_id, facts.application.pk}
    before = described(rule)
    apply(facts, rule)
    rule.save()
    forget_rules(list(applications))
    record(rule, "rule.updated", by=by, **events.changes(before, described(rule)))
    return rule


@transaction.atomic
def switch_rule(rule: AutoDeployRule, *, is_enabled: bool, by: Actor) -> AutoDeployRule:
    """Let a rule fire, or not; safe to repeat. A dead rule may be switched off as well."""
    lock(rule.project)
    changed = AutoDeployRule.objects.filter(pk=rule.pk, is_enabled=not is_enabled)
    if changed.update(is_enabled=is_enabled):
        forget_rules([rule.application_id])
        rule.is_enabled = is_enabled
        told = events.changes({"is_enabled": not is_enabled}, {"is_enabled": is_enabled})
        record(rule, "rule.enabled" if is_enabled else "rule.disabled", by=by, **told)
    rule.is_enabled = is_enabled
    return rule


@transaction.atomic
def save_order(
    project: Project, *, uids: Sequence[str], was: Sequence[str] | None = None, by: Actor
) -> list[AutoDeployRule]:
    """Put the rules into the order of `uids`, which must name each of them once.

    Of rules that want a version in the same place equally soon, the topmost starts it. `was` is
    the order that the person saw: if somebody has changed it since, nothing is saved.
    """
    project = lock(project)
    known = {rule.uid: rule for rule in project.rules.with_names()}
    before = list(known)
    if len(uids) != len(known) or set(uids) != set(known):
        raise OrderOutdated(
            "The rules have changed since this page was opened, so the order was not "
            "saved. Look at the newer list and order it again."
        )
    if was is not None and list(was) != before:
        raise OrderChanged(
            "Somebody else has saved another order of the rules meanwhile. Yours was not saved.",
            details=[Detail(location="was", message=f"It is {' '.join(known)} now.")],
        )
    ordered = [known[uid] for uid in uids]
    for position, rule in enumerate(ordered):
        rule.position = position
    AutoDeployRule.objects.bulk_update(ordered, ["position"])
    if list(uids) != before:
        forget_rules({rule.application_id for rule in ordered})
        events.record(
            org=project.org,
            by=by,
            verb="rule.reordered",
            subject=Subject("project", project.uid, project.name),
            data={"project": project.code}
            | events.changes({"order": before}, {"order": list(uids)}),
        )
    return ordered


@transaction.atomic
def delete_rule(rule: AutoDeployRule, *, by: Actor) -> None:
    lock(rule.project)
    forget_rules([rule.application_id])
    record(rule, "rule.deleted", by=by)
    rule.delete()


def facts_of(rule: AutoDeployRule) -> RuleFacts:
    """What a rule says now, as a start for what it shall say (`dataclasses.replace`)."""
    return RuleFacts(
        application=rule.application,
        environment=rule.environment,
        strategy=rule.strategy,
        pattern=rule.pattern,
        delay_minutes=rule.delay_minutes,
        is_enabled=rule.is_enabled,
        allows_older=rule.allows_older,
    )


def apply(facts: RuleFacts, rule: AutoDeployRule) -> None:
    rule.application = facts.application
    rule.environment = facts.environment
    rule.strategy = facts.strategy
    rule.pattern = "" if facts.strategy == Strategy.LATEST else facts.pattern
    rule.delay_minutes = facts.delay_minutes
    rule.is_enabled = facts.is_enabled
    rule.allows_older = facts.allows_older


def require_sound(project: Project, facts: RuleFacts) -> None:
    require_contains(project, facts.application)
    require_uses(project, facts.environment)
    require_pattern(facts.strategy, facts.pattern, at="pattern")
    if not 0 <= facts.delay_minutes <= LONGEST_DELAY_MINUTES:
        raise Invalid.at("delay_minutes", "The delay must be between 0 minutes and 30 days.")


def require_pattern(strategy: str, pattern: str, *, at: str) -> None:
    """Refuse a pattern that does not compile, in the engine's own words."""
    try:
        matching.compile_pattern(strategy, pattern)
    except matching.BadPattern as error:
        raise Invalid(
            f"“{pattern}” is not a pattern that can be used: {error.message}. {error.hint}",
            details=[{"location": at, "message": f"{error.message}.", "fix": error.hint}],
        ) from error


def record(rule: AutoDeployRule, verb: str, *, by: Actor, **data: object) -> None:
    events.record(
        org=rule.project.org,
        by=by,
        verb=verb,
        subject=Subject("rule", rule.uid, str(rule)),
        data=described(rule) | data,
    )


def described(rule: AutoDeployRule) -> dict[str, object]:
    """A rule as events tell of it."""
    return {
        "project": rule.project.code,
        "application": rule.application.code,
        "environment": rule.environment.slug,
        "strategy": rule.strategy,
        "pattern": rule.pattern,
        "delay_minutes": rule.delay_minutes,
        "is_enabled": rule.is_enabled,
        "allows_older": rule.allows_older,
    }
