"""Hostile ways to write an address: refused when saved, and never connected to."""

from collections.abc import Iterator
from socket import socket

import pytest
from pytest_django import Settings

from hydra import outbound
from hydra.errors import Refused
from tests.floor.receivers import answering, decoy, ok, receiver, was_touched

# {port} is where a decoy listens on every local address.
HOSTILE = [
    # loopback, plainly
    "https://127.0.0.1:{port}/",
    "https://127.0.0.2:{port}/",
    "https://127.255.255.254:{port}/",
    "https://[::1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::]:{port}/",
    # loopback, otherwise spelled
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://0:{port}/",
    "https://0x0:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7F.0x0.0x0.0x1:{port}/",
    "https://0x7f.1:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0177.0.0.01:{port}/",
    "https://127.0.0.01:{port}/",
    "https://127.00.00.1:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://127.0.0.1..:{port}/",
    "https://127.0.0.0x1:{port}/",
    "https://4294967297:{port}/",
    "https://256.256.256.256:{port}/",
    "https://1.2.3.4.5:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://127%2e0%2e0%2e1:{port}/",
    "https://\uff11\uff12\uff17.0.0.1:{port}/",
    "https://127\u30020\u30020\u30021:{port}/",
    "https://\u2460\u2461\u2466.0.0.1:{port}/",
    # loopback inside IPv6
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[::ffff:0:127.0.0.1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[64:ff9b:1::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[2001:0:808:808::80ff:fffe]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[fe80::1%lo]:{port}/",
    # by name
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://a.localhost:{port}/",
    "https://localhost.localdomain:{port}/",
    "https://ip6-loopback:{port}/",
    "https://printer.local:{port}/",
    "https://db.internal:{port}/",
    "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/",
    "https://loc\u00adalhost:{port}/",
    # clouds' metadata
    "https://169.254.169.254:{port}/latest/meta-data/",
    "https://169.254.170.2:{port}/v2/credentials",
    "https://[fd00:ec2::254]:{port}/",
    "https://[fd20:ce::254]:{port}/",
    "https://[::ffff:169.254.169.254]:{port}/",
    "https://[::ffff:a9fe:a9fe]:{port}/",
    "https://[64:ff9b::a9fe:a9fe]:{port}/",
    "https://[2002:a9fe:a9fe::1]:{port}/",
    "https://2852039166:{port}/",
    "https://0xa9fea9fe:{port}/",
    "https://0251.0376.0251.0376:{port}/",
    "https://168.63.129.16:{port}/",
    "https://100.100.100.200:{port}/",
    "https://192.0.0.192:{port}/",
    "https://metadata.google.internal:{port}/",
    "https://metadata:{port}/",
    # private, shared, reserved
    "https://10.0.0.1:{port}/",
    "https://172.16.0.1:{port}/",
    "https://192.168.1.1:{port}/",
    "https://100.64.0.1:{port}/",
    "https://198.18.0.1:{port}/",
    "https://224.0.0.1:{port}/",
    "https://255.255.255.255:{port}/",
    "https://240.0.0.1:{port}/",
    "https://[fc00::1]:{port}/",
    "https://[fec0::1]:{port}/",
    "https://[ff02::1]:{port}/",
    "https://[2001:db8::1]:{port}/",
    # two readings of one text
    "https://user@127.0.0.1:{port}/",
    "https://user:password@hooks.example.com:{port}/",
    "https://hooks.example.com@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@hooks.example.com/",
    "https://hooks.example.com:443@127.0.0.1:{port}/",
    "https://hooks.example.com\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@hooks.example.com/",
    "https://hooks.example.com#@127.0.0.1:{port}/",
    "https://hooks.example.com#.127.0.0.1/",
    "https://127.0.0.1:{port}#hooks.example.com",
    "https://[::1]hooks.example.com:{port}/",
    "https://[hooks.example.com]:{port}/",
    "https://[127.0.0.1]:{port}/",
    "https://[::1:{port}/",
    "https://::1:{port}/",
    "https://hooks.example.com:{port}:80/",
    "https://hooks.example.com:+443/",
    "https://hooks.example.com: 443/",
    "https://hooks.example.com:\uff14\uff14\uff13/",
    "https://hooks..example.com:{port}/",
    "https://.example.com:{port}/",
    "https://-a.example.com:{port}/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 130 + "example.com/",
    "https:///127.0.0.1:{port}/",
    "https://?@127.0.0.1:{port}/",
    "https://",
    "https:127.0.0.1:{port}",
    "https:/\\127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "",
    "hooks.example.com",
    " https://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/\r\nX-Injected: yes",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\tb",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com/\x7f",
    "https://hooks.example.com/ü",
    "https://127.0.0.1:{port}\n.example.com/",
    "https://" + "hooks.example.com/" + "a" * 2048,
    # other schemes
    "http://hooks.example.com/",
    "http://127.0.0.1:{port}/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "HTTPS+unix://%2fvar%2frun%2fdocker.sock/",
    # other services' ports
    "https://hooks.example.com:22/",
    "https://hooks.example.com:25/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:1/",
    "https://hooks.example.com:1023/",
    "https://hooks.example.com:5432/",
    "https://hooks.example.com:6379/",
    "https://hooks.example.com:11211/",
    "https://hooks.example.com:27017/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:99999/",
]

FINE = [
    "https://hooks.example.com/",
    "https://hooks.example.com",
    "https://hooks.example.com?a=b",
    "https://hooks.example.com:443/hydra",
    "https://hooks.example.com:8443/a/b?c=%20d",
    "https://HOOKS.Example.COM./",
    "https://xn--bcher-kva.example/",
    "https://under_score.example.com/",
    "https://1.example.com/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]:8443/",
    "HTTPS://hooks.example.com/",
]


@pytest.fixture(scope="module")
def trap() -> Iterator[socket]:
    with decoy() as listener:
        yield listener


@pytest.mark.parametrize("form", HOSTILE)
def test_a_hostile_address_is_refused_when_saved_and_never_connected_to(
    form: str, trap: socket
) -> None:
    url = form.replace("{port}", str(trap.getsockname()[1]))

    with pytest.raises(outbound.Blocked) as refused:
        outbound.check_url(url)
    with pytest.raises(outbound.Blocked):
        outbound.post(
            url, body=b"{}", headers={}, deadline_seconds=1, resolve=lambda *_: ["127.0.0.1"]
        )

    assert not was_touched(trap)
    assert (refused.value.status, refused.value.code) == (400, "blocked_address")
    assert refused.value.details[0]["location"] == "url"


def test_the_table_of_hostile_forms_is_long_and_has_no_form_twice() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("url", FINE)
def test_an_ordinary_address_can_be_saved(url: str) -> None:
    outbound.check_url(url)


@pytest.mark.parametrize(
    ("url", "sentence", "fix"),
    [
        ("https://10.0.0.1/", "10.0.0.1 is not a public address.", "HYDRA_OUTBOUND_ALLOW"),
        ("https://010.0.0.1/", "not an IP address in its usual form", "four decimal numbers"),
        ("https://u:p@a.example/", "a user name or password", "Leave it out"),
        ("https://bücher.example/", "a non-ASCII character", "xn--"),
        ("http://a.example/", "must begin with https://", "HYDRA_OUTBOUND_ALLOW"),
        ("https://a.example:22/", "Port 22", "443"),
        ("https://a.example/#b", "after #", "Remove it"),
        ("https://wiki/", "a private network", "full name"),
    ],
)
def test_a_refusal_says_what_to_write_instead(url: str, sentence: str, fix: str) -> None:
    with pytest.raises(outbound.Blocked) as refused:
        outbound.check_url(url)

    assert isinstance(refused.value, Refused)
    assert sentence in refused.value.message
    assert fix in refused.value.details[0]["fix"]


def test_a_webhook_never_leads_back_to_hydra(settings: Settings) -> None:
    settings.HYDRA_URL = "https://hydra.example.com"
    settings.HYDRA_LIVE_URL = "http://127.0.0.1:8001"
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]

    for url in ("https://hydra.example.com/api", "https://HYDRA.example.com.:443/"):
        with pytest.raises(outbound.Blocked, match="Hydra's own address"):
            outbound.check_url(url)
    with pytest.raises(outbound.Blocked, match="Hydra's own address"):
        outbound.check_url("http://127.0.0.1:8001/live/")
    outbound.check_url("http://127.0.0.1:8002/")


ALLOWED_LATER = [
    "http://127.0.0.1:9000/",
    "http://localhost:9000/",
    "http://receiver.localhost:9000/",
    "http://receiver:9000/",  # a neighbour in the same container network; judged on connecting
    "https://127.0.0.1/",
]


@pytest.mark.parametrize("url", ALLOWED_LATER)
def test_an_allowed_network_may_be_reached_even_without_tls(url: str, settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]

    outbound.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://10.0.0.1/",
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "https://[fd00:ec2::254]/",
        "http://127.0.0.1:6379/",
        "http://2130706433:9000/",
        "http://user@127.0.0.1:9000/",
    ],
)
def test_allowing_one_network_opens_nothing_else(url: str, settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]

    with pytest.raises(outbound.Blocked):
        outbound.check_url(url)


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0/"]
)
def test_allowing_everything_does_not_open_metadata(url: str, settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["0.0.0.0/0", "::/0"]

    with pytest.raises(outbound.Blocked):
        outbound.check_url(url)


def test_an_address_that_is_reached_by_a_redirect_is_not_reached(
    settings: Settings, trap: socket
) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]
    port = trap.getsockname()[1]
    elsewhere = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\n\r\n".encode()

    with receiver(answering(elsewhere)) as redirecting:
        answer = outbound.post(redirecting.url, body=b"{}", headers={})

    assert (answer.status, answer.is_success) == (302, False)
    assert not was_touched(trap)


# --- Names -----------------------------------------------------------------------------------


class Resolver:
    """Gives one set of answers after the other, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["2606:4700:4700::1111", "fe80::1%eth0"],
        ["8.8.8.8", "64:ff9b::7f00:1"],
    ],
)
def test_one_bad_answer_of_the_resolver_refuses_all(answers: list[str], trap: socket) -> None:
    resolver = Resolver(answers)
    url = f"https://rebind.example.com:{trap.getsockname()[1]}/"

    with pytest.raises(outbound.Blocked) as refused:
        outbound.post(url, body=b"{}", headers={}, resolve=resolver)

    assert not was_touched(trap)
    assert len(resolver.asked) == 1
    # What a name resolves to inside our network is not for the customer to learn.
    assert not any(answer in refused.value.message for answer in answers)


def test_the_connection_goes_to_the_answer_that_was_checked(settings: Settings) -> None:
    """A second look-up would find the decoy, as with a name that changes between two answers."""
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.1/32"]
    resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])

    with receiver(answering(ok())) as honest:
        answer = outbound.post(
            f"http://rebind.example.com:{honest.port}/", body=b"{}", headers={}, resolve=resolver
        )

    assert answer.status == 200
    assert resolver.asked == [("rebind.example.com", honest.port)]
    assert b"\r\nHost: rebind.example.com:%d\r\n" % honest.port in honest.requests[0]


def test_plain_http_needs_every_answer_in_an_allowed_network(settings: Settings) -> None:
    settings.HYDRA_OUTBOUND_ALLOW = ["127.0.0.0/8"]

    with pytest.raises(outbound.Blocked, match="https"):
        outbound.post(
            "http://mixed.example.com:9000/",
            body=b"{}",
            headers={},
            resolve=lambda *_: ["127.0.0.1", "8.8.8.8"],
        )
