"""Agents' keys: shown once, kept as digests, worth nothing once revoked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from agents import services
from agents.auth import AgentRefused, authenticate_agent
from agents.models import Agent, Presence
from agents.services import AgentExists
from hydra import hints
from hydra.errors import Invalid
from orgs.models import SYSTEM, Event, Organization
from tests import factories


def test_an_agent_is_known_by_its_digest_alone(northwind: Organization) -> None:
    agent, token = services.create_agent(northwind, name=" web-1 ", by=SYSTEM)

    kept = Agent.objects.filter(pk=agent.pk).values()[0]
    assert token.startswith("hya_")
    assert token not in str(kept)
    assert (kept["name"], kept["presence"]) == ("web-1", Presence.NEVER)
    assert authenticate_agent(token) == agent
    assert Event.objects.get(verb="agent.created").subject_uid == agent.uid


def test_a_name_is_used_once_among_live_agents(northwind: Organization) -> None:
    first, _ = factories.make_agent(northwind, "web-1")
    with pytest.raises(AgentExists):
        factories.make_agent(northwind, "WEB-1")

    services.revoke_agent(first, by=SYSTEM)

    second, _ = factories.make_agent(northwind, "WEB-1")
    assert list(Agent.objects.in_org(northwind).live()) == [second]


def test_a_name_is_needed(northwind: Organization) -> None:
    with pytest.raises(Invalid):
        services.create_agent(northwind, name=" ", by=SYSTEM)

    assert not Agent.objects.exists()


def test_another_organization_may_use_the_name(
    northwind: Organization, southwind: Organization
) -> None:
    factories.make_agent(northwind, "web-1")

    assert factories.make_agent(southwind, "web-1")[0].name == "web-1"


def test_revoking_is_for_good_and_wakes_the_agents_poll(
    northwind: Organization, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    agent, token = factories.make_agent(northwind, presence=Presence.ONLINE)
    heard: list[tuple[str, str]] = []
    stop = hints.listen(lambda channel, key: heard.append((channel, key)))

    with django_capture_on_commit_callbacks(execute=True):
        services.revoke_agent(agent, by=SYSTEM)
        services.revoke_agent(agent, by=SYSTEM)
    stop()

    assert agent.presence == Presence.OFFLINE
    assert agent.revoked_at is not None
    assert heard.count(("agent", agent.uid)) == 1
    assert Event.objects.filter(verb="agent.revoked").count() == 1
    with pytest.raises(AgentRefused):
        authenticate_agent(token)


@pytest.mark.parametrize(
    ("damage", "queries"),
    [
        (lambda token: token[:-1] + ("a" if token[-1] != "a" else "b"), 0),
        (lambda token: token.replace("hya_", "hyd_live_"), 0),
        (lambda _: "", 0),
        (lambda token: token, 1),
    ],
)
def test_a_key_that_is_no_good_is_refused_alike(
    northwind: Organization,
    damage: Callable[[str], str],
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    agent, token = factories.make_agent(northwind)
    agent.delete()

    with django_assert_num_queries(queries), pytest.raises(AgentRefused) as refused:
        authenticate_agent(damage(token))

    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    assert refused.value.message == (
        "This agent key is not valid. Create an agent in Hydra and use its key."
    )
