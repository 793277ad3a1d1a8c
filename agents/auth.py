"""Recognizing agents by their keys."""

from __future__ import annotations

from http import HTTPStatus

from agents.models import Agent, AgentQuerySet
from hydra import keys
from hydra.compiled import compiled
from hydra.errors import Refused


class AgentRefused(Refused):
    """No live agent has this key. Whether one ever had it is not said."""

    code = "unauthorized"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This agent key is not valid. Create an agent in Hydra and use its key.")


@compiled
def live_agents(*, digest: str) -> AgentQuerySet:
    """The one agent that a key names: every call of every agent asks this."""
    return Agent.objects.live().filter(digest=digest).select_related("org").order_by()


def authenticate_agent(token: str) -> Agent:
    """The agent whose key it is, with its organization. A malformed key costs no query, any other
    one.
    """
    if not keys.looks_valid(token, keys.AGENT_KEY):
        raise AgentRefused
    agent = live_agents.first(digest=keys.digest(token))
    if agent is None:
        raise AgentRefused
    return agent
