"""`/api/v1/agents`"""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse

from agents import services
from agents.models import Agent
from hydra.api.answers import Moment, moment, moment_or_none
from hydra.api.fields import Taken, Text
from hydra.api.paging import OLDEST_FIRST
from hydra.api.schema import PAGED, Operation, data, described, page
from orgs.access import Right, permission
from orgs.gate import OrgViewSet


class AgentShown(TypedDict):
    """A program on a server that takes jobs."""

    id: str
    name: str
    presence: str
    version: str
    platform: str
    hostname: str
    max_jobs: int
    is_draining: bool
    key_prefix: str
    last_seen_at: Moment | None
    created_at: Moment


class AgentCreatedShown(AgentShown):
    """An agent, with its key for the only time."""

    key: str


class AgentTaken(Taken):
    name = Text(max_length=100, trim_whitespace=True)


def show_agent(agent: Agent) -> AgentShown:
    return AgentShown(
        id=agent.uid,
        name=agent.name,
        presence=agent.presence,
        version=agent.version,
        platform=agent.platform,
        hostname=agent.hostname,
        max_jobs=agent.max_jobs,
        is_draining=agent.is_draining,
        key_prefix=agent.shown_prefix,
        last_seen_at=moment_or_none(agent.last_seen_at),
        created_at=moment(agent.created_at),
    )


class AgentViewSet(OrgViewSet):
    @described(
        Operation(
            name="listAgents",
            summary="List agents",
            tag="Agents",
            shows=page(AgentShown),
            permission=permission(Right.AGENT_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        rows = self.granted(Agent.objects.in_org(self.org).live(), Right.AGENT_READ)
        return self.show_page(rows, show_agent, order=OLDEST_FIRST)

    @described(
        Operation(
            name="createAgent",
            summary="Create an agent and its key, which is shown once",
            tag="Agents",
            shows=data(AgentCreatedShown),
            status=201,
            takes=AgentTaken,
            permission=permission(Right.AGENT_WRITE),
            example={"name": "prod-server-1"},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.AGENT_WRITE)
        agent, key = services.create_agent(
            self.org, name=self.take(AgentTaken)["name"], by=self.actor
        )
        return self.show(AgentCreatedShown(**show_agent(agent), key=key), status=201)
