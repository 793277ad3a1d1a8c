"""A demo organization in which one `curl` deploys something that can be seen."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from allauth.account.models import EmailAddress
from django.db import transaction

import agents.services
from agents.models import Agent
from hydra import keys
from orgs.models import (
    Actor,
    ActorKind,
    ApiKey,
    Environment,
    Membership,
    Organization,
    Plan,
    Role,
    User,
)
from orgs.models.rights import powers_of
from orgs.services import environments, organizations
from orgs.services import keys as key_services
from orgs.services.credentials import Wish
from projects.models import Application, FileType, Project, Version
from projects.services import applications, configs, overrides, projects, rules, steps

EMAIL = "demo@hydra.localhost"
AGENT = "demo-server"
PROJECT = "web-shop"
APPLICATION = "shop-api"
FILE = "app.env"
NUMBERED = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?![0-9])")

BASE = """\
# What the Shop API starts with. Projects override it for each environment.
APP_ENV=base
PORT=8080
LOG_LEVEL=info
PUBLIC_URL=#{hydra.url}
CHECKOUT_ENABLED=false
"""

SHOW_CONFIGURATION = """\
echo "$HYDRA_APPLICATION $HYDRA_VERSION goes to $HYDRA_ENVIRONMENT, to be reached at $HYDRA_URL"
echo "It is configured by these keys:"
sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/  \\1/p' "$HYDRA_CONFIG_DIR/app.env"
"""

RELEASE = """\
cp "$HYDRA_CONFIG_DIR/app.env" "$HYDRA_WORK_DIR/app.env"
sleep 0.3
date -u "+$HYDRA_VERSION released at %Y-%m-%dT%H:%M:%SZ" > "$HYDRA_WORK_DIR/RELEASE"
echo "Wrote the release marker:"
cat "$HYDRA_WORK_DIR/RELEASE"
if [ -n "$HYDRA_PREVIOUS_VERSION" ]; then echo "It replaces $HYDRA_PREVIOUS_VERSION."; fi
"""


@dataclass(frozen=True)
class Stage:
    """What the demo says of one environment."""

    name: str
    url: str
    pattern: str
    override: str


STAGES = (
    Stage(
        "Development",
        "http://dev.shop.localhost",
        "",
        "APP_ENV=development\nLOG_LEVEL=debug\nCHECKOUT_ENABLED=true\n",
    ),
    Stage(
        "Staging",
        "http://staging.shop.localhost",
        r"v[0-9]+\.[0-9]+\.[0-9]+(-rc[0-9]+)?",
        "APP_ENV=staging\nCHECKOUT_ENABLED=true\n",
    ),
    Stage(
        "Production",
        "http://shop.localhost",
        r"v[0-9]+\.[0-9]+\.[0-9]+",
        "APP_ENV=production\nLOG_LEVEL=warning\nPORT=80\n",
    ),
)


@dataclass(frozen=True)
class Demo:
    """What somebody needs to try Hydra out; written to `demo.json`."""

    url: str
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)
    agent_key: str = field(repr=False)
    organization: str = ""
    project: str = PROJECT
    application: str = APPLICATION
    environments: tuple[str, ...] = tuple(stage.name for stage in STAGES)


def make_demo(home: Path, url: str) -> Demo:
    """Make the demo, or find it as people left it. Only credentials that are lost are renewed."""
    place = home / "demo.json"
    known = read_secrets(place)
    with transaction.atomic():
        user, password = demo_user(known.get("password", ""))
        org = demo_organization(user)
        by = Actor(ActorKind.USER, user.uid, str(user))
        demo = Demo(
            url=url,
            email=user.email,
            password=password,
            api_key=demo_key(org, known.get("api_key", ""), user=user, by=by),
            agent_key=demo_agent(org, known.get("agent_key", ""), by=by),
            organization=org.slug,
        )
    write_secrets(place, demo)
    return demo


def next_version(demo: Demo) -> str:
    """A name that the demo's application has no version of yet, and that is newer than all."""
    names = Version.objects.filter(
        application__org__slug=demo.organization, application__code=demo.application
    ).values_list("name", flat=True)
    numbers = [tuple(map(int, found.groups())) for name in names if (found := NUMBERED.match(name))]
    major, minor, patch = max(numbers, default=(1, 0, -1))
    return f"v{major}.{minor}.{patch + 1}"


def demo_user(password: str) -> tuple[User, str]:
    """The user. A password that is not known any more is replaced, so that somebody can enter."""
    is_known, password = bool(password), password or secrets.token_urlsafe(12)
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(EMAIL, password, name="Demo")
        # Nobody reads this mail: where addresses have to be proved, this one counts as proved.
        EmailAddress.objects.create(user=user, email=EMAIL, primary=True, verified=True)
        return user, password
    if not is_known:
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, password


def demo_organization(user: User) -> Organization:
    membership = Membership.objects.of(user).first()
    if membership is not None:
        return membership.org
    org = organizations.create_organization(name="Demo", owner=user)
    org.plan = Plan.ENTERPRISE
    org.save(update_fields=["plan"])
    by = Actor(ActorKind.USER, user.uid, str(user))
    application = demo_application(org, by=by)
    demo_project(org, application, by=by)
    return org


def demo_application(org: Organization, *, by: Actor) -> Application:
    application = applications.create_application(
        org, name="Shop API", code=APPLICATION, description="What sells things.", by=by
    )
    configs.save_config_file(
        application, facts=configs.ConfigFacts(FILE, FileType.DOTENV, BASE), by=by
    )
    for name, script in (("Show configuration", SHOW_CONFIGURATION), ("Release", RELEASE)):
        facts = steps.StepFacts(name=name, script=script, safe_to_repeat=True)
        steps.create_step(application, facts=facts, by=by)
    return application


def demo_project(org: Organization, application: Application, *, by: Actor) -> Project:
    project = projects.create_project(
        org, name="Web shop", code=PROJECT, description="A shop that deploys itself.", by=by
    )
    projects.connect_application(project, application=application, by=by)
    for stage in STAGES:
        environment = environments.create_environment(org, name=stage.name, by=by)
        projects.add_environment(project, environment=environment, url=stage.url, by=by)
        furnish(project, application, environment, stage=stage, by=by)
    return project


def furnish(
    project: Project,
    application: Application,
    environment: Environment,
    *,
    stage: Stage,
    by: Actor,
) -> None:
    """Give one environment its rule and its override."""
    facts = rules.RuleFacts(application, environment, pattern=stage.pattern)
    rules.create_rule(project, facts=facts, by=by)
    overrides.save_override(
        project,
        config_file=application.config_files.get(name=FILE),
        environment=environment,
        text=stage.override,
        by=by,
    )


def demo_key(org: Organization, token: str, *, user: User, by: Actor) -> str:
    """The known API key if it still works, else a new one."""
    if ApiKey.objects.in_org(org).live().filter(digest=keys.digest(token)).exists():
        return token
    wish = Wish("Demo pipeline")
    _, token = key_services.create_key(
        org, wish=wish, powers=powers_of(Role.OWNER), by=by, creator=user
    )
    return token


def demo_agent(org: Organization, token: str, *, by: Actor) -> str:
    """The known agent's key if it is still good, else that of an agent that takes its place."""
    live = Agent.objects.in_org(org).live()
    if live.filter(digest=keys.digest(token)).exists():
        return token
    for lost in live.filter(name__iexact=AGENT):
        agents.services.revoke_agent(lost, by=by)
    agent, token = agents.services.create_agent(org, name=AGENT, by=by)
    project = Project.objects.in_org(org).filter(code=PROJECT).first()
    if project is not None:
        projects.link_agent(project, agent=agent, by=by)
    return token


def read_secrets(place: Path) -> dict[str, str]:
    try:
        known = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write_secrets(place: Path, demo: Demo) -> None:
    """For its owner's eyes alone, and never half written."""
    draft = place.with_suffix(".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(demo), file, indent=2)
        file.write("\n")
    draft.replace(place)
