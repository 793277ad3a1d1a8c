"""What a step prints arrives as it was, masked, within bounds of memory and of size."""

from __future__ import annotations

import shutil
import urllib.parse
from pathlib import Path

import pytest

from agents.protocol import LOG_HEAD_BYTES, LOG_TAIL_BYTES
from tests.agents.agent_process import AgentProcess
from tests.agents.fake_server import FakeServer, step

MEMORY_KIB = 60 * 1024
HOSTILE = (
    bytes(range(256))
    + "grüße 🚀".encode()
    + b"\xff\xfe\x00\x1b[31mred\x1b]52;c;aGk=\x07\r50%\r100%\r\n<script>alert(1)</script>\x1b]8;;x"
)


def test_bytes_arrive_as_they_were_printed(
    server: FakeServer, agent: AgentProcess, tmp_path: Path
) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(HOSTILE * 3000)
    agent.start()
    job = server.offer(f'cat "{file}"', secrets=["not-in-there-at-all"])

    server.wait_over(job)

    assert job.log == HOSTILE * 3000


def test_secrets_are_masked_in_every_form_and_across_borders(
    server: FakeServer, agent: AgentProcess
) -> None:
    secret, key = "hunter2/+ä$x", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhk\n-----END KEY-----"
    script = f"""
import base64, sys, time, urllib.parse
secret, key = {secret!r}, {key!r}
out = sys.stdout.buffer
for piece in (secret[:4], secret[4:]):
    out.write(piece.encode()); out.flush(); time.sleep(0.15)
out.write(b"\\n")
for before in ("", "a", "ab", "abc"):
    out.write(base64.b64encode((before + secret + "tail").encode()) + b"\\n")
    out.write(base64.urlsafe_b64encode((before + secret).encode()) + b"\\n")
out.write(urllib.parse.quote(secret, safe="").encode() + b"\\n")
out.write(urllib.parse.quote(secret, safe="").lower().encode() + b"\\n")
for line in key.splitlines():
    out.write(b"    " + line.encode() + b"\\n")
out.write(("x" * 262139 + secret + "y" * 300000 + secret).encode() * 3)
out.flush()
print("short: abc")
"""
    agent.start()
    job = server.offer(steps=[step(0, script, type="python")], secrets=[secret, key, "abc"])

    server.wait_over(job)

    assert job.outcome == "succeeded"
    assert secret.encode() not in job.log
    for line in job.log.split(b"\n")[1:9]:
        assert line.count(b"***") == 1
        assert len(line) <= 15  # what was around it, and characters that it shares with that
    assert urllib.parse.quote(secret, safe="").lower().encode() not in job.log.lower()
    assert b"MIIEvQIBADANBgkqhk" not in job.log
    assert job.log.count(b"***") >= 3 + 8 + 2 + 3 + 6 - 2
    assert job.log.startswith(b"***\n")
    assert job.log.endswith(b"short: abc\n")


def test_one_line_of_fifty_megabytes_needs_little_memory(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer(
        "head -c 50000000 /dev/zero | tr '\\0' x",
        secrets=["a-secret-of-some-length", "another one"],
    )

    server.wait_over(job, seconds=60)

    assert (len(job.log), set(job.log)) == (50_000_000, {ord("x")})
    assert agent.memory_peak_kib() < MEMORY_KIB


def test_a_hundred_megabytes_pass_uncut(server: FakeServer, agent: AgentProcess) -> None:
    agent.start()
    job = server.offer("yes 0123456789abcde | head -c 100000000")

    server.wait_over(job, seconds=60)

    assert job.log == b"0123456789abcde\n" * 6_250_000
    assert agent.memory_peak_kib() < MEMORY_KIB


def test_of_a_longer_log_the_middle_is_cut_and_the_steps_still_find_their_lines(
    server: FakeServer, agent: AgentProcess
) -> None:
    size = 180_000_000
    agent.start()
    job = server.offer("echo begin", f"yes 0123456789abcde | head -c {size}", "echo end")

    server.wait_over(job, seconds=90)

    cut = size + 10 - LOG_HEAD_BYTES - LOG_TAIL_BYTES
    notice = f"\n… {cut} bytes cut …\n".encode()
    assert job.outcome == "succeeded"
    assert (
        len(job.log) == LOG_HEAD_BYTES + len(notice) + LOG_TAIL_BYTES == job.finishes[0]["log_size"]
    )
    assert job.log[LOG_HEAD_BYTES:].startswith(notice)
    assert (job.part(0), job.part(2)) == (b"begin\n", b"end\n")
    assert job.steps[1]["log_to"] == job.steps[2]["log_from"]
    assert agent.memory_peak_kib() < MEMORY_KIB


def test_a_full_disk_costs_bytes_and_never_the_job(server: FakeServer, agent: AgentProcess) -> None:
    """No file of the agent may grow beyond 200 kB here, as if the disk had no more room."""
    if shutil.which("prlimit") is None:
        pytest.skip("needs prlimit")
    agent.start(wrap=("prlimit", "--fsize=200000"))
    job = server.offer("seq 1000000; echo ran > ../ran", "echo never seen")

    server.wait_over(job)

    count = sum(len(str(n)) + 1 for n in range(1, 1_000_001)) + len("never seen\n") - 200_000
    notice = f"\n… {count} bytes cut (the disk was full) …\n".encode()
    assert job.outcome == "succeeded"
    assert (agent.deployment(1).parent / "ran").exists()
    assert job.log.endswith(notice)
    assert len(job.log) == 200_000 + len(notice)


def test_many_small_lines_arrive_in_order_and_in_few_requests(
    server: FakeServer, agent: AgentProcess
) -> None:
    agent.start()
    job = server.offer("for i in $(seq 300); do echo line $i; sleep 0.002; done")

    server.wait_over(job)

    assert job.log == b"".join(b"line %d\n" % number for number in range(1, 301))
    assert server.count("/log") < 40


def test_the_limits_are_those_of_the_contract() -> None:
    assert LOG_HEAD_BYTES + LOG_TAIL_BYTES == 100 * 1024 * 1024
