"""A fake server and agents to run against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.program.pack import build_pyz
from tests.agents.agent_process import AgentProcess
from tests.agents.fake_server import FakeServer

NewAgent = Callable[..., AgentProcess]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "hydra-agent.pyz"
    build_pyz(path)
    return path


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def new_agent(server: FakeServer, archive: Path, tmp_path: Path) -> Iterator[NewAgent]:
    """Makes agents that are ended after the test; by default each on the same folder."""
    agents: list[AgentProcess] = []

    def make(folder: str = "host") -> AgentProcess:
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        agent = AgentProcess(server, archive, home)
        agents.append(agent)
        return agent

    yield make
    for agent in agents:
        agent.end()


@pytest.fixture
def agent(new_agent: NewAgent) -> AgentProcess:
    """One agent, not yet started."""
    return new_agent()
