"""Receivers behind TLS: whose certificate is accepted, and what a bad handshake costs."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from hydra import outbound
from hydra.outbound import Trouble, Unreachable
from tests.floor import certificates
from tests.floor.receivers import (
    HEAD,
    answering,
    dripping,
    ok,
    receiver,
    within,
)

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


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
