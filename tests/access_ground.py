"""Northwind with one of everything, and how a route's address is filled in with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils import timezone

from deployments.models import Deployment, Job, JobState, State
from orgs.models import Environment, Event, InviteCode, Membership, Organization
from projects.models import AutoDeployRule, ConfigFile, Step, Variable, Version
from tests import factories

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass
class Ground:
    """One of everything that an address may name."""

    org: Organization
    place: factories.Place
    environment: Environment
    member: Membership
    invite: InviteCode
    key_uid: str
    token_uid: str
    config_file: ConfigFile
    step: Step
    rule: AutoDeployRule
    variable: Variable
    version: Version
    deployment: Deployment
    job: Job
    webhook_uid: str
    event: Event

    def address(self, route: str) -> str:
        """The address of `route` with this organization's things in it."""
        address = route
        while found := PARAMETER.search(address):
            name, before = found[1], address[: found.start()].rstrip("/")
            value = self.value(name, after=before.rsplit("/", 1)[-1])
            address = address[: found.start()] + value + address[found.end() :]
        return address

    def value(self, name: str, *, after: str) -> str:
        by_name = {
            "org": self.org.slug,
            "job": self.job.uid,
            "file": self.config_file.uid,
            "slug": self.org.slug if after == "orgs" else self.place.environment.slug,
            "application": self.place.application.code,
            "uidb36": "1",
            "digest": factories.make_icon(self.org).digest,
            "key": "nobody-was-sent-this",
            "form": "csv",
            "token": "nobody-was-sent-this",
            "pk": "0",  # nobody's
        }
        if name in by_name:
            return by_name[name]
        codes = {"projects": self.place.project.code, "applications": self.place.application.code}
        by_place = {
            **codes,
            "users": self.member.uid,
            "members": self.member.uid,
            "invites": self.invite.uid,
            "environments": self.environment.uid,
            "api-keys": self.key_uid,
            "tokens": self.token_uid,
            "agents": self.place.agent.uid,
            "configurations": self.config_file.uid,
            "steps": self.step.uid,
            "rules": self.rule.uid,
            "variables": self.variable.uid,
            "versions": self.version.uid,
            "deployments": self.deployment.uid,
            "webhooks": self.webhook_uid,
            "audit": self.event.uid,
            "events": self.event.uid,
        }
        return by_place[after]


def make_ground(org: Organization) -> Ground:
    place = factories.make_place(org)
    application = place.application
    deployment = factories.make_deployment(place, State.RUNNING)
    return Ground(
        org=org,
        place=place,
        environment=factories.make_environment(org),
        member=Membership.objects.get(org=org, user=factories.make_member(org)),
        invite=factories.make_invite(org)[0],
        key_uid=factories.make_key(org)[0].uid,
        token_uid=factories.make_token(factories.owner_of(org))[0].uid,
        config_file=factories.make_config_file(application),
        step=factories.make_step(application),
        rule=factories.make_rule(place.project, application, place.environment, "v.*"),
        variable=factories.make_variable(org, project=place.project),
        version=factories.make_version(application),
        deployment=deployment,
        job=deployment.jobs.create(
            org=org,
            agent=place.agent,
            state=JobState.RUNNING,
            fence=1,
            lease_until=timezone.now(),
        ),
        webhook_uid=factories.make_webhook(org)[0].uid,
        event=Event.objects.in_org(org)[0],
    )
