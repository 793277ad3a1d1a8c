"""Making agents known, taking their keys back, and whether they are heard of.

What they carry out is `deployments`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import Agent, Presence
from billing import services as billing
from hydra import hints, keys
from hydra.errors import Conflict, Invalid, Refused
from hydra.names import require_plain
from orgs.models import SYSTEM, Actor, ActorKind, Organization
from orgs.services import events
from orgs.services.events import Subject


class AgentExists(Conflict):
    """A name is used once among an organization's live agents, whatever its case."""

    code = "agent_exists"


@transaction.atomic
def create_agent(org: Organization, *, name: str, by: Actor) -> tuple[Agent, str]:
    """An agent that nobody has started yet, and its key, which is never to be had again."""
    Organization.objects.select_for_update().only("pk").get(pk=org.pk)
    live = Agent.objects.in_org(org).live()
    name = require_plain(name)
    if not name:
        raise Invalid.at("name", "An agent needs a name.", "The server's name is a good one.")
    if live.filter(name__iexact=name).exists():
        raise AgentExists(f"An agent named “{name}” exists. Choose another name.")
    billing.require_can_add_agent(org, existing=live.count())
    token = keys.new_token(keys.AGENT_KEY)
    agent = Agent.objects.create(
        org=org,
        name=name,
        digest=keys.digest(token),
        shown_prefix=keys.shown_prefix(token),
        last_four=keys.last_four(token),
    )
    record(agent, "agent.created", by=by)
    return agent, token


@transaction.atomic
def revoke_agent(agent: Agent, *, by: Actor) -> Agent:
    """Take the key back at once and for good; safe to repeat.

    The agent's parked poll is woken, so that it learns of it now and not in half a minute.
    """
    live = Agent.objects.live().filter(pk=agent.pk)
    if live.update(revoked_at=Now(), presence=Presence.OFFLINE):
        record(agent, "agent.revoked", by=by)
        hints.wake_on_commit("agent", agent.uid)
    agent.refresh_from_db(fields=["revoked_at", "presence"])
    return agent


def wake_all_of(org: Organization) -> None:
    """Let every parked agent ask again after the commit, and learn that its key is gone."""
    for uid in Agent.objects.in_org(org).live().values_list("uid", flat=True):
        hints.wake_on_commit("agent", uid)


class Superseded(Refused):
    """A newer session has this agent's identity; the older one stops after its jobs."""

    code = "superseded"


@dataclass(frozen=True)
class Greeting:
    """What an agent says of itself when it starts."""

    session: UUID
    version: str
    platform: str
    hostname: str
    max_jobs: int
    policy: Mapping[str, Any]


@transaction.atomic
def greet(agent: Agent, greeting: Greeting) -> None:
    """Make the greeting's session the only one that is heard. The same greeting may come twice."""
    agent = Agent.objects.select_for_update().select_related("org").get(pk=agent.pk)
    is_new = agent.session != greeting.session
    was_online = agent.presence == Presence.ONLINE
    now = timezone.now()
    agent.session = greeting.session
    agent.session_started_at = now if is_new else agent.session_started_at
    agent.last_seen_at = now
    agent.presence = Presence.ONLINE
    agent.version = greeting.version[:40]
    agent.platform = greeting.platform[:100]
    agent.hostname = greeting.hostname[:255]
    agent.max_jobs = greeting.max_jobs
    agent.policy = dict(greeting.policy)
    agent.save()
    if not was_online:
        record(agent, "agent.online", by=actor_of(agent))
    elif is_new:
        record(agent, "agent.session_replaced", by=actor_of(agent))


def require_session(agent: Agent, session: str) -> None:
    """Superseded unless `session` is the agent's newest."""
    if agent.session is None or str(agent.session) != session:
        raise Superseded(
            "Another program greeted with this agent's key later: this one stops after its jobs."
        )


def note_seen(agent: Agent) -> None:
    """Remember that the agent was heard of, a few times a minute at most."""
    quiet = timedelta(seconds=settings.HYDRA_HEARTBEAT_SECONDS / 3)
    if (
        agent.presence == Presence.ONLINE
        and agent.last_seen_at is not None
        and timezone.now() - agent.last_seen_at < quiet
    ):
        return
    came_back = Agent.objects.filter(~Q(presence=Presence.ONLINE), pk=agent.pk).update(
        presence=Presence.ONLINE, last_seen_at=Now()
    )
    if came_back:
        record(agent, "agent.online", by=actor_of(agent))
    else:
        Agent.objects.filter(pk=agent.pk).update(last_seen_at=Now())


def mark_offline() -> int:
    """Agents that have been silent too long are offline."""
    silent = Agent.objects.filter(
        presence=Presence.ONLINE,
        last_seen_at__lt=Now() - timedelta(seconds=settings.HYDRA_OFFLINE_SECONDS),
    )
    count = 0
    for agent in silent.select_related("org")[:100]:
        with transaction.atomic():
            if silent.filter(pk=agent.pk).update(presence=Presence.OFFLINE):
                record(agent, "agent.offline", by=SYSTEM)
                count += 1
    return count


def record(agent: Agent, verb: str, *, by: Actor) -> None:
    events.record(
        org=agent.org,
        by=by,
        verb=verb,
        subject=Subject("agent", agent.uid, agent.name),
        data={
            "agent": {
                "id": agent.uid,
                "name": agent.name,
                "version": agent.version,
                "platform": agent.platform,
            }
        },
    )


def actor_of(agent: Agent) -> Actor:
    return Actor(ActorKind.AGENT, agent.uid, agent.name)
