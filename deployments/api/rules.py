"""`/api/v1/projects/:id/rules`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from deployments.models import Deployment
from hydra.api import paging
from hydra.api.answers import Moment, moment
from hydra.api.dialects import Pagination
from hydra.api.fields import Flag, Taken, Text, Whole
from hydra.api.schema import PAGED, Operation, data, described, page
from orgs.access import Right, permission
from projects.access import ProjectRoute, find_application, find_environment
from projects.models import AutoDeployRule, Strategy
from projects.services import rules

MOST_RULES = 10_000


class RuleOrderTaken(Taken):
    order = serializers.ListField(
        child=Text(max_length=40),
        max_length=MOST_RULES,
        help_text="All rules of the project by id, topmost first.",
    )
    was = serializers.ListField(
        child=Text(max_length=40),
        max_length=MOST_RULES,
        required=False,
        help_text="The order it was made from; if that is no longer so, 409 and nothing changes.",
    )


class FiringShown(TypedDict):
    """What a rule started: the deployment's id, the version's name, and when."""

    deployment: str
    version: str
    at: Moment


class RuleShown(TypedDict):
    """When a version of this application looks like this, deploy it there, after this delay.

    `last_fired` is null until it started something. Of several rules that want a version in the
    same place, the one with the smallest delay starts it, and of equal ones the topmost.
    """

    id: str
    project: str
    application: str
    environment: str
    strategy: str
    pattern: str
    delay_minutes: int
    enabled: bool
    allows_older: bool
    position: int
    last_fired: FiringShown | None
    created_at: Moment


class RuleTaken(Taken):
    application = Text(help_text="Id or code")
    environment = Text(help_text="Id or slug")
    strategy = serializers.ChoiceField(choices=Strategy.choices, default=Strategy.REGEX)
    pattern = Text(max_length=500, allow_blank=True, default="", help_text="Empty matches all.")
    delay_minutes = Whole(min_value=0, default=0)
    enabled = Flag(default=True)
    allows_older = Flag(default=False)


def show_rule(rule: AutoDeployRule, *, firings: Mapping[str, Deployment]) -> RuleShown:
    last = firings.get(rule.uid)
    return RuleShown(
        id=rule.uid,
        project=rule.project.code,
        application=rule.application.code,
        environment=rule.environment.slug,
        strategy=rule.strategy,
        pattern=rule.pattern,
        delay_minutes=rule.delay_minutes,
        enabled=rule.is_enabled,
        allows_older=rule.allows_older,
        position=rule.position,
        last_fired=None if last is None else show_firing(last),
        created_at=moment(rule.created_at),
    )


def show_firing(deployment: Deployment) -> FiringShown:
    return FiringShown(
        deployment=deployment.uid,
        version=deployment.version.name,
        at=moment(deployment.created_at),
    )


class RuleViewSet(ProjectRoute):
    @described(
        Operation(
            name="listRules",
            summary="List the auto-deploy rules of a project",
            tag="Rules",
            shows=page(RuleShown),
            permission=permission(Right.RULE_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.RULE_READ)
        rows = AutoDeployRule.objects.in_org(self.org).with_names().filter(project=project)
        found = paging.paginate(
            rows, query=self.call.request.GET, place=self.place, order=paging.BY_POSITION
        )
        firings = Deployment.objects.in_org(self.org).newest_by_rule(found.rows)
        return self.show_list(
            [show_rule(rule, firings=firings) for rule in found.rows], found.pagination
        )

    @described(
        Operation(
            name="createRule",
            summary="Add an auto-deploy rule to a project",
            tag="Rules",
            shows=data(RuleShown),
            status=201,
            takes=RuleTaken,
            permission=permission(Right.RULE_WRITE),
            example={"application": "payment-api", "environment": "staging", "pattern": "v.*"},
        )
    )
    def create(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.RULE_WRITE)
        taken = self.take(RuleTaken)
        facts = rules.RuleFacts(
            application=find_application(self.org, taken["application"]),
            environment=find_environment(self.org, taken["environment"]),
            strategy=taken["strategy"],
            pattern=taken["pattern"],
            delay_minutes=taken["delay_minutes"],
            is_enabled=taken["enabled"],
            allows_older=taken["allows_older"],
        )
        rule = rules.create_rule(project, facts=facts, by=self.actor)
        return self.show(show_rule(rule, firings={}), status=201)

    @described(
        Operation(
            name="orderRules",
            summary="Put the rules of a project into an order",
            tag="Rules",
            shows=page(RuleShown),
            takes=RuleOrderTaken,
            permission=permission(Right.RULE_WRITE),
            example={"order": ["rule_2", "rule_1"], "was": ["rule_1", "rule_2"]},
            also=(409,),
        )
    )
    def order(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.RULE_WRITE)
        taken = self.take(RuleOrderTaken)
        ordered = rules.save_order(
            project, uids=taken["order"], was=taken.get("was"), by=self.actor
        )
        firings = Deployment.objects.in_org(self.org).newest_by_rule(ordered)
        shown: list[Mapping[str, Any]] = [show_rule(rule, firings=firings) for rule in ordered]
        return self.show_list(shown, Pagination(None, len(shown)))
