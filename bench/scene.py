"""Make what the bench measures on: run as `python -m bench.scene FILE AGENTS`, beside the server.

Everything goes through the services, except that a thousand agents are written at once.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from django.db import transaction  # noqa: E402  # models need the set-up above

import agents.services  # noqa: E402
from agents.models import Agent  # noqa: E402
from bench import scripts  # noqa: E402
from hydra import keys  # noqa: E402
from orgs.models import Actor, ActorKind, Environment, Organization, Plan, Role, User  # noqa: E402
from orgs.models.rights import powers_of  # noqa: E402
from orgs.services import environments, organizations  # noqa: E402
from orgs.services import keys as key_services  # noqa: E402
from orgs.services.credentials import Wish  # noqa: E402
from projects.models import Application, Project  # noqa: E402
from projects.services import applications, projects, rules, steps  # noqa: E402

STAGES = ("Development", "Testing", "Staging", "Preproduction", "Production")
RULED_PROJECTS = 20  # times the stages: a hundred rules
QUEUES = 20
WOKEN = 20
UNLIMITED = -1


@dataclass(frozen=True)
class Ground:
    """The organization and what every project of it uses."""

    org: Organization
    by: Actor
    stages: list[Environment]
    agent: Agent

    def application(self, code: str, script: str) -> Application:
        application = applications.create_application(self.org, name=code, code=code, by=self.by)
        facts = steps.StepFacts(name="Only step", script=script, timeout_seconds=600)
        steps.create_step(application, facts=facts, by=self.by)
        return application

    def project(
        self, code: str, application: Application, *, agent: Agent, stages: int = 1
    ) -> Project:
        project = projects.create_project(self.org, name=code, code=code, by=self.by)
        projects.connect_application(project, application=application, by=self.by)
        for stage in self.stages[:stages]:
            projects.add_environment(project, environment=stage, url="", by=self.by)
        projects.link_agent(project, agent=agent, by=self.by)
        return project

    def rule(self, project: Project, application: Application, pattern: str, stage: int) -> None:
        facts = rules.RuleFacts(application, self.stages[stage], pattern=pattern)
        rules.create_rule(project, facts=facts, by=self.by)


def make_scene(parked: int, log_file: str) -> dict[str, object]:
    user = User.objects.create_user("bench@hydra.localhost", None, name="Bench")
    org = organizations.create_organization(name="Bench", owner=user)
    org.plan, org.requests_per_minute = Plan.ENTERPRISE, UNLIMITED
    org.save(update_fields=["plan", "requests_per_minute"])
    by = Actor(ActorKind.USER, user.uid, str(user))
    stages = [environments.create_environment(org, name=name, by=by) for name in STAGES]
    agent, agent_key = agents.services.create_agent(org, name="worker", by=by)
    wish, powers = Wish("Bench"), powers_of(Role.OWNER)
    _, api_key = key_services.create_key(org, wish=wish, powers=powers, by=by, creator=user)
    ground = Ground(org, by, stages, agent)
    make_rules(ground)
    make_single(ground, "latency", scripts.FIRST_LINE)
    make_single(ground, "log", f'cat "{log_file}"\n')
    make_queues(ground)
    tokens = make_parked(ground, parked)
    return {"api_key": api_key, "agent_key": agent_key, "parked": tokens}


def make_rules(ground: Ground) -> None:
    """A hundred rules of one application; `one-…` is what one of them waits for.

    An agent of their own that never comes: deployments are queued, and nothing else runs.
    """
    absent, _ = agents.services.create_agent(ground.org, name="absent", by=ground.by)
    application = ground.application("ruled", scripts.NOTHING)
    for number in range(RULED_PROJECTS):
        project = ground.project(f"ruled-{number}", application, agent=absent, stages=len(STAGES))
        for stage in range(len(STAGES)):
            is_first = number == stage == 0
            name = rf"v{number}\.{stage}\.[0-9]+(-rc[0-9]+)?"
            ground.rule(project, application, "one-.*" if is_first else name, stage)


def make_single(ground: Ground, code: str, script: str) -> None:
    """One application with one project, one rule for every version, one step."""
    application = ground.application(code, script)
    project = ground.project(code, application, agent=ground.agent)
    ground.rule(project, application, "", stage=0)


def make_queues(ground: Ground) -> None:
    """Many places for one agent: `q7-…` goes to the seventh."""
    application = ground.application("queues", scripts.NOTHING)
    for number in range(QUEUES):
        project = ground.project(f"queue-{number}", application, agent=ground.agent)
        ground.rule(project, application, f"q{number}-.*", stage=0)


def make_parked(ground: Ground, count: int) -> list[str]:
    """Agents that only wait, and for each of the first ones a place that wakes it."""
    tokens = [keys.new_token(keys.AGENT_KEY) for _ in range(count)]
    parked = Agent.objects.bulk_create(
        Agent(
            org=ground.org,
            name=f"parked-{number}",
            digest=keys.digest(token),
            shown_prefix=keys.shown_prefix(token),
            last_four=keys.last_four(token),
        )
        for number, token in enumerate(tokens)
    )
    application = ground.application("wake", scripts.NOTHING)
    for number, agent in enumerate(parked[:WOKEN]):
        project = ground.project(f"wake-{number}", application, agent=agent)
        ground.rule(project, application, f"w{number}-.*", stage=0)
    return tokens


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with transaction.atomic():
        scene = make_scene(int(sys.argv[2]), str(place.with_name("step.log")))
    place.write_text(json.dumps(scene))
