"""Furnish a running demo, so that every page has something to show.

Runs beside the server, with the environment of its installation, and prints as JSON what tests
want to find again: `HYDRA_HOME=… python -m tests.browser.scene`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from django.utils import timezone  # noqa: E402  # models need the set-up above

from agents.models import Agent, Presence  # noqa: E402
from deployments.models import Deployment, Job, State, StepRun, Target, Trigger  # noqa: E402
from deployments.services import cancel, logs, requests  # noqa: E402
from orgs.models import Environment, Organization, Role, User  # noqa: E402
from projects.models import Application, Project, Version  # noqa: E402
from projects.services import steps  # noqa: E402
from tests import factories  # noqa: E402
from tests.browser import scripts  # noqa: E402

NOW = timezone.now()
LONG = "Notification preferences synchronizer for the northern region and its partners"
PEOPLE = ("Dana Keller", "Ilya Moreau", "Noor Adeyemi", "pipeline")


@dataclass(frozen=True)
class Ship:
    """A version of the past and how long ago, in days, it reached each stage (None: never)."""

    name: str
    message: str
    reached: Sequence[float | None]


HISTORY = {
    ("checkout", "payment-api"): (
        Ship("v1.8.1", "Round fees as the bank does", (27, 26, 25)),
        Ship("v1.8.2", "Log the idempotency key of refused requests", (19, 18.5, 17)),
        Ship("v1.8.3", "Read the timeout from configuration", (12, 11, 9)),
        Ship("v1.8.4", "Retry captured payments when the ledger is locked", (4, 3, None)),
    ),
    ("checkout", "storefront"): (
        Ship("v2.3.8", "Show the delivery day in the basket", (24, 23, 22)),
        Ship("v2.3.9", "Keep the basket when signing in", (13, 12, 11)),
        Ship("v2.4.0", "Gift notes", (3, 2, None)),
    ),
    ("checkout", "worker"): (
        Ship("v1.8.2", "Send receipts in batches", (21, 20, 19)),
        Ship("v1.8.3", "Give up on a mailbox that is gone", (6, 5, 4)),
    ),
    ("catalogue", "search"): (
        Ship("v0.14.0", "Rank by what is in stock", (16, 15, 14)),
        Ship("v0.14.1", "Forgive a missing accent", (7, 6, 6)),
        Ship("v0.14.2", "Suggest while typing", (1, None, None)),
    ),
    ("catalogue", "storefront"): (),
}
PAST_FAILURES = (
    ("checkout", "payment-api", "v1.8.2", 18.2, 17.9),
    ("catalogue", "search", "v0.14.1", 6.8, 6.5),
)


class Scene:
    """The demo organization and the hands that furnish it."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.by = factories.actor_of(factories.owner_of(org))
        self.stages = list(Environment.objects.in_org(org))
        self.agent = Agent.objects.in_org(org).get(name="demo-server")
        self.count = 0

    def application(self, code: str, name: str, *parts: tuple[str, str]) -> Application:
        application = factories.make_application(self.org, name, code=code)
        for step_name, script in parts:
            facts = steps.StepFacts(name=step_name, script=script, timeout_seconds=3600)
            steps.create_step(application, facts=facts, by=self.by)
        return application

    def project(self, name: str, applications: Sequence[Application]) -> Project:
        return factories.make_project(
            self.org,
            name,
            environments=self.stages,
            applications=applications,
            agents=[self.agent],
            description="What customers pay with.",
        )

    def start(self, project: Project, version: Version, stage: Environment) -> Deployment:
        """As somebody does who presses Deploy."""
        return requests.request_deployment(
            project=project,
            application=version.application,
            environment=stage,
            version=version,
            by=self.by,
        )

    def version(self, application: Application, name: str, **more: object) -> Version:
        self.count += 1
        more.setdefault("commit", f"{self.count * 7919:07x}{'4be91f2c0' * 4}"[:40])
        more.setdefault("author", PEOPLE[self.count % 3])
        more.setdefault("created_by_label", "pipeline")
        return factories.make_version(application, name, **more)


def furnish(scene: Scene) -> dict[str, str]:
    """A shop and its catalogue, with a month behind them and something in every state now."""
    apps = {
        code: scene.application(code, code, *parts)
        for code, parts in {
            "payment-api": scripts.SLOW,
            "storefront": scripts.BREAKS_IN_PRODUCTION,
            "worker": scripts.QUICK,
            "search": scripts.QUICK,
            "reports": scripts.gated(os.environ["HYDRA_HOME"]),
        }.items()
    }
    projects = {
        "checkout": scene.project("Checkout", [apps[c] for c in list(apps)[:3]]),
        "catalogue": scene.project("Catalogue", [apps["search"], apps["storefront"]]),
        "office": scene.project("Office", [apps["reports"]]),
    }
    factories.make_rule(projects["office"], apps["reports"], scene.stages[0])
    remember(scene, projects, apps)
    for name, minutes in (("fra-2.prod.northwind.example", 11), ("lab-old-printer-room", 4320)):
        factories.make_agent(
            scene.org, name, presence=Presence.OFFLINE, last_seen_at=ago(minutes / 1440)
        )
    return begin(scene, projects, apps)


def begin(
    scene: Scene, projects: dict[str, Project], apps: dict[str, Application]
) -> dict[str, str]:
    """What happens now: the demo's agent runs it."""
    development, staging, production = scene.stages[:3]
    checkout, catalogue = projects["checkout"], projects["catalogue"]
    gift = Version.objects.get(application=apps["storefront"], name="v2.4.0")
    candidate = scene.version(apps["payment-api"], "v1.9.0-rc1", message="Refunds in parts")
    second = scene.version(apps["payment-api"], "v1.9.0-rc2", message="Refunds in parts, again")
    newest = Version.objects.get(application=apps["search"], name="v0.14.2")
    hotfix = scene.version(apps["worker"], "v1.8.4", message="Send receipts once")
    started = {
        "unknown": add_unknown(scene, catalogue, newest),
        "catalogue": scene.start(catalogue, gift, development),
        "succeeded": scene.start(checkout, hotfix, development),
        "failed": scene.start(checkout, gift, production),
        "running": scene.start(checkout, candidate, staging),
        "queued": scene.start(checkout, second, staging),
    }
    canceled = scene.start(checkout, candidate, production)
    cancel.cancel(canceled, by=scene.by)
    started["canceled"] = canceled
    hold = Target.objects.get(project=checkout, application=apps["worker"], environment=production)
    Target.objects.filter(pk=hold.pk).update(
        held_at=NOW, held_by_label="Dana Keller", held_reason="The mail provider moves tonight."
    )
    return {name: deployment.uid for name, deployment in started.items()}


def add_unknown(scene: Scene, project: Project, version: Version) -> Deployment:
    """An agent that was lost in the middle of a job."""
    deployment = add_past(scene, project, version, scene.stages[1], days=0.02, state=State.UNKNOWN)
    deployment.reason = "fra-2.prod.northwind.example was not heard of for 45 s while it ran this."
    deployment.save(update_fields=["reason"])
    deployment.snapshot.summary = {
        "steps": [{"position": n, "name": name} for n, (name, _) in enumerate(scripts.QUICK)],
        "files": [],
        "variables": [],
    }
    deployment.snapshot.save(update_fields=["summary"])
    lost = Agent.objects.in_org(scene.org).get(name="fra-2.prod.northwind.example")
    job = Job.objects.create(
        org=scene.org,
        deployment=deployment,
        agent=lost,
        state="unknown",
        fence=1,
        started_at=deployment.started_at,
        finished_at=deployment.finished_at,
    )
    logs.store(job, b"Pulling search:v0.14.2\nDone\nSwitching over")
    for position, (state, start, end) in enumerate((("succeeded", 0, 28), ("unknown", 28, 42))):
        StepRun.objects.create(
            job=job,
            position=position,
            name=scripts.QUICK[position][0],
            state=state,
            started_after_ms=position * 900,
            log_from=start,
            log_to=end,
            duration_ms=900 if state == "succeeded" else None,
        )
    return deployment


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def remember(scene: Scene, projects: dict[str, Project], apps: dict[str, Application]) -> None:
    """The past in the order in which it happened."""
    past = []
    for (project, code), ships in HISTORY.items():
        for ship in ships:
            version = scene.version(apps[code], ship.name, message=ship.message)
            first = max(days for days in ship.reached if days is not None)
            Version.objects.filter(pk=version.pk).update(created_at=ago(first + 0.04))
            reached = zip(scene.stages, ship.reached, strict=False)
            past += [(d, project, version, stage, State.SUCCEEDED) for stage, d in reached if d]
    for project, code, name, failed, mended in PAST_FAILURES:
        version = Version.objects.get(application=apps[code], name=name)
        for state, days in ((State.FAILED, failed), (State.SUCCEEDED, mended)):
            past.append((days, project, version, scene.stages[1], state))
    for days, project, version, stage, state in sorted(past, key=lambda one: -one[0]):
        add_past(scene, projects[project], version, stage, days=days, state=state)


def add_past(  # each is said by name
    scene: Scene,
    project: Project,
    version: Version,
    stage: Environment,
    *,
    days: float,
    state: State = State.SUCCEEDED,
) -> Deployment:
    """A deployment that ended so many days ago, as the last one of its cell."""
    place = factories.Place(scene.org, project, version.application, stage, scene.agent, "")
    target = factories.make_target(place)
    scene.count += 1
    deployment = factories.make_deployment(
        place,
        state,
        version=version,
        trigger=Trigger.API,
        requested_by_label=PEOPLE[scene.count % len(PEOPLE)],
        previous_version=target.current.version if target.current else None,
        started_at=ago(days),
        finished_at=ago(days) + timedelta(seconds=40 + scene.count % 50),
    )
    Deployment.objects.filter(pk=deployment.pk).update(created_at=ago(days))
    target.latest = deployment
    if state == State.SUCCEEDED:
        target.current = deployment
    target.save(update_fields=["latest", "current"])
    return deployment


# --- What strains a page ---------------------------------------------------------------------


def strain(owner: User) -> dict[str, str]:
    """An organization of long names, many stages and hostile output."""
    org = factories.make_org(f"{LONG} of Northwind"[:80], owner=owner)
    for name in ("Development", "Integration", "Acceptance for the northern region and partners"):
        factories.make_environment(org, name)
    for number in range(5):
        factories.make_environment(org, f"Region {number + 1}")
    agent, key = factories.make_agent(org, f"{'very-long-host-name.' * 3}northwind.example")
    scene = Scene.__new__(Scene)
    scene.org, scene.by, scene.count = org, factories.actor_of(owner), 0
    scene.stages, scene.agent = list(Environment.objects.in_org(org)), agent
    hostile = scene.application("hostile", "<img src=x onerror=alert(1)>", *scripts.HOSTILE)
    long_log = scene.application("long-log", "Long log", *scripts.LONG_LOG)
    others = list(many_applications(scene))
    project = scene.project(LONG, [hostile, long_log, *others])
    for application in others:
        for stage, days in zip(scene.stages[:6], (1, 2, 3, 40, 400, 0.01), strict=True):
            name = f"feature/{'retry-on-lock-' * 4}{stage.pk}"
            version = scene.version(application, name, created_at=ago(days + 0.1))
            add_past(scene, project, version, stage, days=days)
    return {
        "org": org.slug,
        "project": project.code,
        "agent_key": key,
        "hostile": scene.start(project, scene.version(hostile, "v1"), scene.stages[0]).uid,
        "long_log": scene.start(project, scene.version(long_log, "v1"), scene.stages[0]).uid,
        "queued": scene.start(project, scene.version(hostile, "v2"), scene.stages[0]).uid,
    }


def many_applications(scene: Scene) -> Iterator[Application]:
    yield scene.application("long", LONG, *scripts.QUICK)
    for number in range(12):
        yield scene.application(f"service-{number}", f"service-{number}", *scripts.QUICK)


def main() -> None:
    org = Organization.objects.get(slug="demo")
    scene = Scene(org)
    owner = factories.owner_of(org)
    facts: dict[str, object] = {"now": furnish(scene), "strain": strain(owner)}
    facts["empty"] = factories.make_org("Fresh start", owner=owner).slug
    _, facts["invite"] = factories.make_invite(org, Role.USER, creator=owner)
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
