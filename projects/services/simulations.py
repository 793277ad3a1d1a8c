"""What the rules of an application would say of a version. Nothing is written or started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projects import matching, version_order
from projects.models import (
    Application,
    AutoDeployRule,
    ProjectApplication,
    ProjectEnvironment,
    Strategy,
    Version,
)


@dataclass(frozen=True)
class Decision:
    """One rule's answer; a dead rule is one whose place has left the project."""

    rule: AutoDeployRule
    fires: bool
    reason: str
    is_dead: bool = False


def simulate(application: Application, *, version: str, tags: Sequence[str] = ()) -> list[Decision]:
    """Every rule's decision, in the order of projects and rules, with its reason."""
    rules = list(
        AutoDeployRule.objects.filter(application=application)
        .with_names()
        .order_by("project__name", "position", "pk")
    )
    project_ids = {rule.project_id for rule in rules}
    links = ProjectEnvironment.objects.filter(project__in=project_ids)
    places = set(links.values_list("project_id", "environment_id"))
    contained = ProjectApplication.objects.filter(
        application=application, project__in=project_ids
    ).values_list("project_id", flat=True)
    newer = newer_version(application, version) if any_latest(rules) else ""
    inside = set(contained)
    return [
        decide(
            rule, version=version, tags=tags, newer=newer, objection=why_dead(rule, places, inside)
        )
        for rule in rules
    ]


def any_latest(rules: Sequence[AutoDeployRule]) -> bool:
    return any(rule.strategy == Strategy.LATEST for rule in rules)


def newer_version(application: Application, name: str) -> str:
    """The name of a version that is newer; empty when there is none."""
    names = Version.objects.filter(application=application).values_list("name", flat=True)
    return next((other for other in names.iterator() if version_order.is_newer(other, name)), "")


def why_dead(rule: AutoDeployRule, places: set[tuple[int, int]], inside: set[int]) -> str:
    if (rule.project_id, rule.environment_id) not in places:
        return f"{rule.environment} has left the project {rule.project}: the rule is dead."
    if rule.project_id not in inside:
        return f"The application has left the project {rule.project}: the rule is dead."
    return ""


def decide(
    rule: AutoDeployRule, *, version: str, tags: Sequence[str], newer: str, objection: str
) -> Decision:
    if objection:
        return Decision(rule, fires=False, reason=objection, is_dead=True)
    matcher = matching.compile_pattern(rule.strategy, rule.pattern)
    matches = matcher.matches(version, tags, is_latest=not newer)
    reason = matching.explain(matcher, version, tags, is_latest=not newer)
    if rule.strategy == Strategy.LATEST and newer:
        reason = f"{newer} is newer."
    if matches and not rule.is_enabled:
        return Decision(rule, fires=False, reason=f"The rule is switched off. {reason}")
    return Decision(rule, fires=matches, reason=reason)
