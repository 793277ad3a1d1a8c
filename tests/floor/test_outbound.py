"""One exchange with a foreign receiver: what it is sent, and what is read of its answer."""

import socket
import threading

import pytest
from pytest_django import Settings

from hydra import outbound
from hydra.outbound import Trouble, Unreachable
from tests.floor.receivers import (
    answering,
    decoy,
    ok,
    receiver,
    send,
    silent,
    was_touched,
    within,
)

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


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
