"""What the rules of an application say of a version, once and for all.

The verdict of every rule is kept with the version, so that "why did v1.4 not reach staging?" has
an answer. One evaluation per version build is what the database admits, so this may run twice.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NotRequired, TypedDict

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from deployments.models import Deployment, Evaluation, Target, Trigger
from deployments.services import queues, requests
from hydra import inserts
from hydra.compiled import compiled
from hydra.encoded import Encoded
from hydra.errors import Refused
from orgs.models import Actor, ActorKind, Event
from orgs.services import events
from projects import matching, version_order
from projects.models import (
    Application,
    AutoDeployRule,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
    Strategy,
    Version,
)
from projects.services import rendering

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Stands for a version's name; no pattern that anybody wrote contains it.
A_NAME = f"name-{secrets.token_hex(16)}"


class Verdict(TypedDict):
    """What one rule said, and why."""

    rule: str
    project: str
    environment: str
    strategy: str
    pattern: str
    fired: bool
    reason: str
    deployment: NotRequired[str]


@dataclass(frozen=True)
class RuleFacts:
    """A rule as matching needs it; kept in memory as long as the revision stands."""

    pk: int
    uid: str
    strategy: str
    pattern: str
    is_enabled: bool
    allows_older: bool
    delay_minutes: int
    project_id: int
    project_code: str
    environment_id: int
    environment_slug: str

    @property
    def place(self) -> tuple[int, int]:
        return (self.project_id, self.environment_id)


@dataclass(frozen=True)
class CompiledRules:
    """`refusals` are the rules' verdicts on a version that none of them matches, as JSON, with
    `A_NAME` where the version's name belongs: encoding them anew is most of what a hundred
    rules would cost.
    """

    rules: tuple[RuleFacts, ...]
    matcher: matching.RuleSet[int]
    refusals: tuple[str, ...]

    def encode(self, verdicts: dict[int, Verdict], name: str) -> str:
        """The JSON of the verdicts of all rules on the version called `name`.

        `verdicts` are those of the rules that match. The name needs no escaping.
        """
        spoken = (
            as_json(verdicts[rule.pk]) if rule.pk in verdicts else refusal
            for rule, refusal in zip(self.rules, self.refusals, strict=True)
        )
        return f"[{','.join(spoken)}]".replace(A_NAME, name)


@lru_cache(maxsize=256)
def compiled_rules(application_id: int, _revision: int) -> CompiledRules:
    """The rules of an application at a revision that was read before them.

    Rules may be newer than the revision they are kept under, never older, because a change of a
    rule and of the revision are one transaction.
    """
    rules = tuple(
        RuleFacts(*row)
        for row in AutoDeployRule.objects.filter(application_id=application_id)
        .order_by("project_id", "position", "pk")
        .values_list(
            "pk",
            "uid",
            "strategy",
            "pattern",
            "is_enabled",
            "allows_older",
            "delay_minutes",
            "project_id",
            "project__code",
            "environment_id",
            "environment__slug",
        )
    )
    asked = [(rule.pk, rule.strategy, rule.pattern) for rule in rules if rule.is_enabled]
    refusals = tuple(as_json(first_verdict(rule, is_matched=False, name=A_NAME)) for rule in rules)
    return CompiledRules(rules, matching.RuleSet(asked), refusals)


@transaction.atomic
def evaluate_missed(version: Version) -> None:
    """Ask the rules about a version that was stored without: the sweep's way to mend it."""
    Version.objects.select_for_update(no_key=True).get(pk=version.pk)
    if Evaluation.objects.filter(version=version).exists():
        return
    _, _, news = evaluate(version)
    if news:
        events.record_all(news)


def evaluate(version: Version) -> tuple[Encoded[Verdict], list[Deployment], list[Event]]:
    """Write every rule's verdict on `version` and queue what fired.

    To be called in the transaction that holds the version; the caller records the events.
    """
    application = version.application
    compiled = compiled_rules(application.pk, application.rules_revision)
    matched = compiled.matcher.matches(version.name, version.tags)
    firing = [rule for rule in compiled.rules if rule.pk in matched]
    verdicts = {rule.pk: first_verdict(rule, is_matched=True, name=version.name) for rule in firing}
    deployments: list[Deployment] = []
    news: list[Event] = []
    if firing:
        deployments, news = fire(version, rules=firing, verdicts=verdicts)
    told: Encoded[Verdict] = Encoded(compiled.encode(verdicts, version.name))
    evaluation = Evaluation(version=version)
    evaluation.pack(told.text)
    inserts.insert(evaluation)
    return told, deployments, news


def first_verdict(rule: RuleFacts, *, is_matched: bool, name: str) -> Verdict:
    if is_matched:
        reason = ""
    elif not rule.is_enabled:
        reason = "The rule is switched off."
    else:
        reason = why_not(rule.strategy, rule.pattern, name)
    return Verdict(
        rule=rule.uid,
        project=rule.project_code,
        environment=rule.environment_slug,
        strategy=rule.strategy,
        pattern=rule.pattern,
        fired=False,
        reason=reason,
    )


def why_not(strategy: str, pattern: str, name: str) -> str:
    """One cheap sentence; the simulator explains further."""
    if strategy == Strategy.TAG:
        return f"No tag of the version matches {pattern}."
    return f"{name} does not match {pattern}."


@dataclass(frozen=True)
class Ground:
    """What the fired rules meet, loaded in a few queries for all of them."""

    links: dict[tuple[int, int], ProjectEnvironment]
    projects_with_application: frozenset[int]
    targets: dict[tuple[int, int], Target]
    destinations: dict[tuple[int, int], requests.Destination]
    sources: rendering.Sources


def survey(application: Application, rules: Collection[RuleFacts]) -> Ground:
    project_ids = sorted({rule.project_id for rule in rules})
    environment_ids = sorted({rule.environment_id for rule in rules})
    links = links_of(project_ids=project_ids, environment_ids=environment_ids)
    contained = projects_containing(application_id=application.pk, project_ids=project_ids)
    rows = targets_of(
        application_id=application.pk, project_ids=project_ids, environment_ids=environment_ids
    )
    targets = {place_of(target): target for target in rows}
    agent_links = agent_links_of(project_ids=project_ids)
    return Ground(
        links={place_of(link): link for link in links},
        projects_with_application=frozenset(project_id for (project_id,) in contained),
        targets=targets,
        destinations={
            place_of(link): requests.Destination(
                link=link,
                application=application,
                agents=queues.agents_among(agent_links, place=place_of(link)),
                seen=targets.get(place_of(link)),
            )
            for link in links
        },
        sources=rendering.load_sources(application, projects=[link.project for link in links]),
    )


def place_of(row: ProjectEnvironment | Target) -> tuple[int, int]:
    return (row.project_id, row.environment_id)


@compiled
def links_of(
    *, project_ids: Collection[int], environment_ids: Collection[int]
) -> QuerySet[ProjectEnvironment]:
    links = ProjectEnvironment.objects.filter(
        project__in=project_ids, environment__in=environment_ids
    )
    return links.select_related("project__org", "environment")


@compiled
def projects_containing(
    *, application_id: int, project_ids: Collection[int]
) -> QuerySet[ProjectApplication, tuple[int]]:
    links = ProjectApplication.objects.filter(application_id=application_id)
    return links.filter(project__in=project_ids).values_list("project_id")


@compiled
def targets_of(
    *, application_id: int, project_ids: Collection[int], environment_ids: Collection[int]
) -> QuerySet[Target]:
    targets = Target.objects.filter(
        application_id=application_id, project__in=project_ids, environment__in=environment_ids
    )
    return targets.select_related("current__version", "latest__version")


@compiled
def agent_links_of(*, project_ids: Collection[int]) -> QuerySet[ProjectAgent]:
    links = ProjectAgent.objects.filter(project__in=project_ids, agent__revoked_at=None)
    return links.select_related("agent")


def fire(
    version: Version, *, rules: list[RuleFacts], verdicts: dict[int, Verdict]
) -> tuple[list[Deployment], list[Event]]:
    """Queue one deployment per place for the rules that match and may; say of each why not."""
    ground = survey(version.application, rules)
    wanted: dict[tuple[int, int], list[RuleFacts]] = {}
    for rule in rules:
        objection = object_to(rule, version=version, ground=ground)
        if objection:
            verdicts[rule.pk]["reason"] = objection
        else:
            wanted.setdefault(rule.place, []).append(rule)
    deployments, news = [], []
    for place, agreeing in wanted.items():
        try:
            deployment, heard = deploy_by_rule(
                version, rules=agreeing, destination=ground.destinations[place], ground=ground
            )
        except Refused as refusal:
            for rule in agreeing:
                verdicts[rule.pk]["reason"] = refusal.message
            continue
        deployments.append(deployment)
        news += heard
        tell(verdicts, agreeing, deployment)
    return deployments, news


def object_to(rule: RuleFacts, *, version: Version, ground: Ground) -> str:
    """Why a rule that matches does not fire; empty when it does."""
    if rule.place not in ground.links:
        return "The environment has left the project: the rule is dead."
    if rule.project_id not in ground.projects_with_application:
        return "The application has left the project: the rule is dead."
    if rule.strategy == Strategy.LATEST and (newer := a_newer_version(version)):
        return f"{newer} is newer."
    target = ground.targets.get(rule.place)
    if target is None or rule.allows_older:
        return ""
    for other in (target.current, target.latest):
        if other is not None and version_order.is_newer(other.version.name, version.name):
            return f"{version.name} is older than {other.version.name}, which is there."
    return ""


def a_newer_version(version: Version) -> str:
    """The name of a version of the application that is newer, in semantic order; else empty."""
    names = (
        Version.objects.filter(application_id=version.application_id)
        .exclude(pk=version.pk)
        .values_list("name", flat=True)
    )
    return next(
        (name for name in names.iterator() if version_order.is_newer(name, version.name)), ""
    )


def deploy_by_rule(
    version: Version,
    *,
    rules: list[RuleFacts],
    destination: requests.Destination,
    ground: Ground,
) -> tuple[Deployment, list[Event]]:
    """Several rules for one place fire once: the smallest delay wins."""
    rule = min(rules, key=lambda r: r.delay_minutes)
    delay = timedelta(minutes=rule.delay_minutes)
    order = requests.Order(
        version=version,
        by=Actor(ActorKind.RULE, rule.uid, f"Rule {rule.pattern or 'any name'}"),
        trigger=Trigger.RULE,
        rule_uid=rule.uid,
        due_at=timezone.now() + delay if delay else None,
    )
    return requests.place_order(order, destination=destination, sources=ground.sources)


def tell(verdicts: dict[int, Verdict], rules: list[RuleFacts], deployment: Deployment) -> None:
    for rule in rules:
        verdict = verdicts[rule.pk]
        verdict["fired"] = True
        verdict["deployment"] = deployment.uid
        if deployment.rule_uid == rule.uid:
            verdict["reason"] = deployment.reason or "Matched."
        else:
            verdict["reason"] = "Matched; another rule for the same place fired first."
