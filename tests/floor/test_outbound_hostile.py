"""Hostile and broken receivers: left at the deadline, bounded, and told in a sentence."""

import gzip

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hydra import outbound
from hydra.outbound import Trouble, Unreachable
from tests.floor.receivers import (
    HEAD,
    Script,
    answering,
    closed_port,
    dripping,
    endless,
    hanging_after,
    ok,
    receiver,
    resetting,
    send,
    silent,
    unaccepting,
    within,
)

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")

BOMB = gzip.compress(b"\0" * 1_000_000)
NEVER_DONE: dict[str, Script] = {
    "silent": silent,
    "drips its status line": dripping(HEAD * 100),
    "drips its headers": dripping(HEAD + b"X-A: b\r\n" * 1000),
    "drips its body": dripping(HEAD + b"\r\n" + b"x" * 1000),
    "drips its chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 99),
    "hangs in its status line": hanging_after(b"HTTP/1.1 2"),
    "hangs after its headers": hanging_after(HEAD + b"Content-Length: 5\r\n\r\n"),
    "continues slowly": dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("name", NEVER_DONE)
def test_whoever_takes_too_long_is_left_at_the_deadline(name: str) -> None:
    with receiver(NEVER_DONE[name]) as slow, within(0.4), pytest.raises(Unreachable) as left:
        send(slow.url)

    assert left.value.kind is Trouble.TIMEOUT
    assert left.value.sentence == "It took longer than 0.4 s."


def test_a_port_that_nobody_serves_is_left_at_the_deadline() -> None:
    with unaccepting() as port, within(0.4), pytest.raises(Unreachable) as left:
        send(f"http://127.0.0.1:{port}/")

    assert left.value.kind is Trouble.TIMEOUT


BROKEN: dict[str, tuple[Script, Trouble]] = {
    "closes at once": (answering(b""), Trouble.RESET),
    "resets": (resetting, Trouble.RESET),
    "closes in its status line": (answering(b"HTTP/1.1 200 OK"), Trouble.RESET),
    "closes in its headers": (answering(HEAD + b"X-A: b\r\n"), Trouble.RESET),
    "speaks another protocol": (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), Trouble.PROTOCOL),
    "speaks HTTP/0.9": (answering(b"<html>\nhello</html>"), Trouble.PROTOCOL),
    "has no status": (answering(b"HTTP/1.1 OK\r\n\r\n"), Trouble.PROTOCOL),
    "has an odd status": (answering(b"HTTP/1.1 99999 Odd\r\n\r\n"), Trouble.PROTOCOL),
    "has a chunk of negative size": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n"),
        Trouble.PROTOCOL,
    ),
    "sends 1 MB of headers": (
        endless(HEAD, b"X-Big: " + b"x" * 1000 + b"\r\n"),
        Trouble.TOO_LARGE,
    ),
    "sends one endless header": (endless(HEAD + b"X-Big: ", b"x" * 1000), Trouble.TOO_LARGE),
    "sends 100 headers": (
        answering(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(99)) + b"\r\n"),
        Trouble.TOO_LARGE,
    ),
    "continues for ever": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Trouble.TOO_LARGE),
    "has an endless status line": (endless(b"HTTP/1.1 200 ", b"x" * 1000), Trouble.TOO_LARGE),
    "sends a gzip bomb": (
        answering(ok(BOMB, b"Content-Encoding: gzip\r\n")),
        Trouble.COMPRESSED,
    ),
    "compresses the transfer": (
        answering(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
        Trouble.COMPRESSED,
    ),
    "sends brotli": (answering(ok(b"?", b"Content-Encoding: br\r\n")), Trouble.COMPRESSED),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_receiver_is_told_by_its_kind(name: str) -> None:
    script, kind = BROKEN[name]

    with receiver(script) as broken, within(3), pytest.raises(Unreachable) as told:
        send(broken.url, deadline_seconds=3)

    assert told.value.kind is kind
    assert told.value.sentence.endswith(".")


def test_a_refused_connection_is_told() -> None:
    with pytest.raises(Unreachable) as told:
        send(f"http://127.0.0.1:{closed_port()}/")

    assert (told.value.kind, told.value.sentence) == (
        Trouble.REFUSED,
        "It refused the connection.",
    )


@pytest.mark.parametrize(
    "start",
    [
        b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"Content-Length: 99999999\r\n\r\n",
    ],
)
def test_an_endless_answer_is_read_to_sixteen_kibibytes_and_no_further(start: bytes) -> None:
    with receiver(endless(HEAD + start, b"x" * 10_000)) as broken, within(2):
        answer = send(broken.url, deadline_seconds=2)

    assert answer.status == 200
    assert answer.body == b"x" * 16 * 1024


def test_chunks_of_one_byte_do_not_get_around_the_limit() -> None:
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

    with receiver(endless(start, b"1\r\nx\r\n" * 500)) as broken, within(2):
        answer = send(broken.url, deadline_seconds=2)

    assert set(answer.body) == {ord("x")}
    assert len(answer.body) < 16 * 1024


def test_a_receiver_that_does_not_read_does_not_hold_us() -> None:
    """The body is larger than the buffers between us, and nobody takes it."""
    with unaccepting() as port, within(0.4), pytest.raises(Unreachable) as told:
        outbound.post(
            f"http://127.0.0.1:{port}/",
            body=b"x" * 30_000_000,
            headers={},
            deadline_seconds=0.4,
        )

    assert told.value.kind is Trouble.TIMEOUT


PIECES = (
    b"HTTP/1.1 ", b"200", b" ", b"\r\n", b"\n", b":", b"Content-Length: ", b"-1", b"5", b"\xff\x00",
    b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"abcde", HEAD,
)  # fmt: skip


@examples(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
def test_whatever_comes_back_is_an_answer_or_a_reason(garbage: bytes) -> None:
    with receiver(answering(garbage)) as odd:
        try:
            answer = send(odd.url, deadline_seconds=2)
        except Unreachable:
            return
    assert 100 <= answer.status <= 999
