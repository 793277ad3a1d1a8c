"""An agent talks to the server it was given, over TLS that it can trust, or not at all."""

from __future__ import annotations

import pytest

from tests.agents.agent_process import AgentProcess, wait_for
from tests.agents.fake_server import FakeServer
from tests.floor import certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> certificates.Authority:
    return certificates.make_authority(tmp_path_factory.mktemp("authority"))


def test_jobs_run_over_tls(
    server: FakeServer, agent: AgentProcess, authority: certificates.Authority
) -> None:
    server.use_tls(authority.server_context("localhost"))
    agent.start("--ca-file", str(authority.file), "--max-jobs", "1", "--grace", "0.2")
    long = server.offer("seq 300000; sleep 600")
    after = server.offer("echo after")
    server.wait(lambda: long.log.endswith(b"\n300000\n"))

    server.cancel(long)  # through a poll that is parked for nothing else, then cut short
    server.wait_over(long, after)

    assert (long.outcome, after.outcome) == ("canceled", "succeeded")


@pytest.mark.parametrize(
    ("host", "is_expired", "is_trusted"),
    [("localhost", False, False), ("localhost", True, True), ("other.example.com", False, True)],
)
def test_a_certificate_that_proves_nothing_is_not_accepted(
    server: FakeServer,
    agent: AgentProcess,
    authority: certificates.Authority,
    host: str,
    is_expired: bool,
    is_trusted: bool,
) -> None:
    server.use_tls(authority.server_context(host, is_expired=is_expired))

    agent.start(*(["--ca-file", str(authority.file)] if is_trusted else []))
    wait_for(lambda: "its certificate cannot be trusted" in agent.said, "the complaint")

    assert agent.process is not None
    assert agent.process.poll() is None
    assert not server.requests


def test_a_poll_is_never_sent_without_tls(
    server: FakeServer, agent: AgentProcess, authority: certificates.Authority
) -> None:
    server.use_tls(authority.server_context("localhost"))
    server.poll_url = f"http://127.0.0.1:{server.port}/live/agent/poll"

    agent.start("--ca-file", str(authority.file))
    job = server.offer("echo over TLS")
    server.wait_over(job)

    assert "without TLS. That is not done." in agent.said
    assert job.outcome == "succeeded"
