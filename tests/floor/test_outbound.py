"""One exchange with a foreign receiver: bounded whatever it does, and told in a sentence."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from hydra import outbound
from hydra.outbound import Trouble, Unreachable
from tests.floor import certificates
from tests.floor.receivers import (
    Script,
    answering,
    closed_port,
    decoy,
    dripping,
    endless,
    hanging_after,
    ok,
    receiver,
    resetting,
    silent,
    unaccepting,
    was_touched,
)

SLACK_SECONDS = 0.5


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + SLACK_SECONDS


def send(url: str, *, deadline_seconds: float = 0.4) -> outbound.Answer:
    return outbound.post(url, body=b"{}", headers={}, deadline_seconds=deadline_seconds)


# --- An honest receiver ----------------------------------------------------------------------


def test_the_body_arrives_as_it_was_given_with_the_callers_headers() -> None:
    body = b'{"a": "\xc3\xbc\x00\r\n"}'

    with receiver(answering(ok(headers=b"X-One: 1\r\nx-one: 2\r\n"))) as honest:
        answer = outbound.post(
            honest.url + "?a=b", body=body, headers={"X-Hydra-Event": "ping", "User-Agent": "Mine"}
        )

    head, _, received = honest.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?a=b HTTP/1.1"
    assert sorted(lines[1:]) == [
        "Accept-Encoding: identity",
        "Connection: close",
        f"Content-Length: {len(body)}",
        f"Host: 127.0.0.1:{honest.port}",
        "User-Agent: Mine",
        "X-Hydra-Event: ping",
    ]
    assert received == body
    assert (answer.status, answer.body, answer.is_success) == (200, b"thanks", True)
    assert answer.headers["x-one"] == "1, 2"
    assert 0 <= answer.took_ms < 5000


def test_headers_of_the_exchange_itself_cannot_be_given() -> None:
    given_ = {"Host": "evil", "content-length": "1", "Transfer-Encoding": "chunked", "X": "kept"}

    with receiver(answering(ok())) as honest:
        outbound.post(honest.url, body=b"{}", headers=given_)

    head = honest.requests[0].partition(b"\r\n\r\n")[0]
    assert b"evil" not in head
    assert b"chunked" not in head
    assert b"Content-Length: 2" in head
    assert b"X: kept" in head


def test_a_header_cannot_smuggle_another() -> None:
    with receiver(answering(ok())) as honest, pytest.raises(ValueError, match="Invalid header"):
        outbound.post(honest.url, body=b"{}", headers={"X": "a\r\nInjected: yes"})

    assert b"Injected" not in b"".join(honest.requests)


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 307, 400, 404, 410, 429, 500, 503])
def test_every_status_is_an_answer(status: int) -> None:
    content = f"HTTP/1.1 {status} Told\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".encode()

    with receiver(answering(content)) as honest:
        answer = send(honest.url)

    assert (answer.status, answer.headers["retry-after"]) == (status, "7")
    assert answer.is_success is (status < 300)


def test_a_chunked_answer_is_read() -> None:
    content = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    with receiver(answering(content)) as honest:
        assert send(honest.url).body == b"abcde"


def test_an_answer_without_length_ends_with_the_connection() -> None:
    with receiver(answering(b"HTTP/1.0 200 OK\r\n\r\nabc")) as honest:
        assert send(honest.url).body == b"abc"


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc",
    ],
)
def test_an_answer_that_breaks_off_has_still_told_its_status(content: bytes) -> None:
    with receiver(answering(content)) as honest:
        answer = send(honest.url)

    assert answer.status == 200
    assert answer.body in {b"abc", b""}


def test_get_can_ask_for_more_of_the_answer() -> None:
    with receiver(answering(ok(b"x" * 100_000))) as honest:
        answer = outbound.get(honest.url, answer_bytes=200_000)

    assert honest.requests[0].startswith(b"GET /hook HTTP/1.1\r\n")
    assert b"Content-Length" not in honest.requests[0]
    assert len(answer.body) == 100_000


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with decoy() as trap, receiver(answering(ok())) as honest:
        proxy = f"http://127.0.0.1:{trap.getsockname()[1]}"
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)

        assert send(honest.url).status == 200
        assert not was_touched(trap)


# --- Hostile and broken receivers ------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
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


# --- Names -----------------------------------------------------------------------------------


def test_an_unknown_name_is_told() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Unreachable) as told:
        outbound.post("https://nowhere.example.com/", body=b"", headers={}, resolve=unknown)

    assert told.value.kind is Trouble.DNS
    assert told.value.sentence == "nowhere.example.com could not be looked up."


def test_a_name_without_addresses_is_told() -> None:
    with pytest.raises(Unreachable, match="has no address"):
        outbound.post("https://nowhere.example.com/", body=b"", headers={}, resolve=lambda *_: [])


def test_a_slow_resolver_is_left_at_the_deadline() -> None:
    released = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        released.wait(5)
        return ["127.0.0.1"]

    with within(0.3), pytest.raises(Unreachable) as told:
        outbound.post(
            "https://slow.example.com/", body=b"", headers={}, deadline_seconds=0.3, resolve=slow
        )
    released.set()

    assert told.value.kind is Trouble.DNS


def test_the_next_of_several_addresses_is_tried_when_one_refuses(settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.1", "::1"]
    with receiver(answering(ok())) as honest:
        answer = outbound.post(
            f"http://two.example.com:{honest.port}/",
            body=b"{}",
            headers={},
            resolve=lambda *_: ["::1", "127.0.0.1"],
        )

    assert answer.status == 200
    assert honest.connections == 1


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> certificates.Authority:
    return certificates.make_authority(tmp_path_factory.mktemp("authority"))


def post_to(name: str, port: int, *, deadline_seconds: float = 3) -> outbound.Answer:
    return outbound.post(
        f"https://{name}:{port}/",
        body=b"{}",
        headers={},
        deadline_seconds=deadline_seconds,
        resolve=lambda *_: ["127.0.0.1"],
    )


def test_the_name_and_not_the_address_is_in_sni_and_host(
    authority: certificates.Authority, settings: Settings
) -> None:
    settings.HYDRA_OUTBOUND_CA_FILE = str(authority.file)
    context = authority.server_context("hooks.example.com")
    named: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: named.append(name)

    with receiver(answering(ok()), tls=context) as honest:
        answer = post_to("hooks.example.com", honest.port)

    assert answer.status == 200
    assert named == ["hooks.example.com"]
    assert b"\r\nHost: hooks.example.com:%d\r\n" % honest.port in honest.requests[0]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_certificate_of_another_host_or_authority_is_not_accepted(
    authority: certificates.Authority, settings: Settings, is_trusted: bool
) -> None:
    settings.HYDRA_OUTBOUND_CA_FILE = str(authority.file) if is_trusted else ""
    context = authority.server_context("other.example.com" if is_trusted else "hooks.example.com")

    with receiver(answering(ok()), tls=context) as imposter, pytest.raises(Unreachable) as told:
        post_to("hooks.example.com", imposter.port)

    assert told.value.kind is Trouble.TLS
    assert told.value.sentence.startswith("Its certificate was not accepted: ")
    assert imposter.requests == []


def test_an_expired_certificate_is_not_accepted(
    authority: certificates.Authority, settings: Settings
) -> None:
    settings.HYDRA_OUTBOUND_CA_FILE = str(authority.file)
    context = authority.server_context("hooks.example.com", is_expired=True)

    with (
        receiver(answering(ok()), tls=context) as late,
        pytest.raises(Unreachable, match="certificate has expired"),
    ):
        post_to("hooks.example.com", late.port)


def test_tls_before_1_2_is_not_spoken(
    authority: certificates.Authority, settings: Settings
) -> None:
    settings.HYDRA_OUTBOUND_CA_FILE = str(authority.file)
    context = authority.server_context("hooks.example.com")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with receiver(answering(ok()), tls=context) as old, pytest.raises(Unreachable) as told:
        post_to("hooks.example.com", old.port)

    assert told.value.kind is Trouble.TLS


class Greeting:
    """A listener whose connections are greeted with bytes instead of TLS, slowly or at once."""

    def __init__(self, content: bytes, *, every: float) -> None:
        self.content = content
        self.every = every

    @contextmanager
    def served(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self.greet, args=(listener,), daemon=True)
            thread.start()
            yield listener.getsockname()[1]
            thread.join(5)

    def greet(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                dripping(self.content, every=self.every)(connection)
                connection.recv(65536)
            except OSError:
                return


def test_garbage_instead_of_tls_is_told() -> None:
    greeting = Greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n", every=0)

    with greeting.served() as port, within(3), pytest.raises(Unreachable) as told:
        post_to("hooks.example.com", port)

    assert (told.value.kind, told.value.sentence) == (
        Trouble.TLS,
        "It does not speak TLS as we do.",
    )


def test_a_handshake_that_drips_is_left_at_the_deadline() -> None:
    """The header of a record of 16 KiB, which then never gets full."""
    record = b"\x16\x03\x03\x40\x00" + b"\x02" + b"\0" * 1000

    greeting = Greeting(record, every=0.02)

    with greeting.served() as port, within(0.4), pytest.raises(Unreachable) as left:
        post_to("hooks.example.com", port, deadline_seconds=0.4)

    assert left.value.kind is Trouble.TIMEOUT


def test_a_body_that_drips_through_tls_is_left_at_the_deadline(
    authority: certificates.Authority, settings: Settings
) -> None:
    settings.HYDRA_OUTBOUND_CA_FILE = str(authority.file)
    context = authority.server_context("hooks.example.com")
    drip = dripping(HEAD + b"\r\n" + b"x" * 1000)

    with receiver(drip, tls=context) as slow, within(0.5), pytest.raises(Unreachable) as left:
        post_to("hooks.example.com", slow.port, deadline_seconds=0.5)

    assert left.value.kind is Trouble.TIMEOUT


# --- Many at once ----------------------------------------------------------------------------


def test_a_slow_receiver_delays_no_other() -> None:
    def wait_for(url: str) -> None:
        with pytest.raises(Unreachable):
            send(url)

    with receiver(silent) as slow, receiver(answering(ok())) as fast:
        waiting = threading.Thread(target=wait_for, args=(slow.url,))
        waiting.start()
        with within(0.1):
            answers = [send(fast.url).status for _ in range(10)]
        waiting.join(5)

    assert answers == [200] * 10


def test_no_socket_is_left_open() -> None:
    """Warnings are errors here, and Python warns of every socket that was not closed."""
    for script in (answering(ok()), answering(b""), silent):
        with receiver(script) as each:
            try:
                send(each.url)
            except Unreachable:
                continue
