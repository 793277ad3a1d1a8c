"""Where a URL that a customer typed leads: taken apart strictly, and judged as far as text allows.

Nothing is guessed or repaired. Whatever two parsers might read differently is refused, with the
way to write it that is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from hydra import addresses
from hydra.addresses import Address, Network
from hydra.errors import Invalid

LONGEST_URL: Final = 2048
DEFAULT_PORTS: Final = {"https": 443, "http": 80}

# Above 1023, but spoken to in another protocol: a request smuggled there could be obeyed.
FOREIGN_PORTS: Final = frozenset(
    (
        1080, 1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659,
        4045, 4190, 4222, 5060, 5061, 5432, 5433, 5672, 5900, 6000, 6379, 6380, 6432, 6566,
        6665, 6666, 6667, 6668, 6669, 6679, 6697, 8125, 9042, 9092, 9200, 9300, 10250, 11211,
        27017,
    )
)  # fmt: skip

# Names that mean something only inside somebody's network.
PRIVATE_SUFFIXES: Final = (
    ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa", ".corp", ".home",
)  # fmt: skip

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^#]*)(?P<fragment>#.*)?"
)
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?P<port>[0-9]{1,5}))?"
)
_LABEL: Final = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")


class Blocked(Invalid):
    """An address that Hydra does not talk to, whatever the customer wants."""

    code = "blocked_address"

    @classmethod
    def because(cls, message: str, fix: str = "") -> Blocked:
        return cls.at("url", message, fix)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that has the right form; `literal` when its host is an address and not a name."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str) -> Target:
    """Take `url` apart; raise `Blocked` with the remedy when any part of it is not plain."""
    if len(url) > LONGEST_URL:
        raise Blocked.because(f"The address is longer than {LONGEST_URL} characters.")
    if not all("!" <= character <= "~" for character in url) or "\\" in url:
        raise Blocked.because(
            "The address holds a space, a backslash, a control or a non-ASCII character.",
            "Percent-encode it in the path; write an international host name as xn--….",
        )
    parts = _URL.fullmatch(url)
    if parts is None or parts["scheme"].lower() not in DEFAULT_PORTS:
        raise Blocked.because("The address must begin with https://.")
    if parts["fragment"] is not None:
        raise Blocked.because("The address has a part after #, which is never sent.", "Remove it.")
    scheme = parts["scheme"].lower()
    host, port = _host_and_port(parts["authority"], default_port=DEFAULT_PORTS[scheme])
    path = parts["path"] if parts["path"].startswith("/") else "/" + parts["path"]
    return Target(scheme, host, port, path, _literal(host))


def judge(target: Target) -> None:
    """Refuse what can be told without a resolver; the address itself is judged on connecting."""
    _refuse_port(target.port)
    if _is_ourselves(target):
        raise Blocked.because("This is Hydra's own address.", "Give the address of the receiver.")
    allowed = allowed_networks()
    literal = target.literal
    if literal is None and _is_localhost(target.host):
        literal = addresses.parse("127.0.0.1")
    if literal is not None and not addresses.is_permitted(literal, allowed=allowed):
        raise Blocked.because(
            f"{target.host} is not a public address.",
            "Use a public one, or ask the administrator to add its network to "
            "HYDRA_OUTBOUND_ALLOW.",
        )
    if literal is None and not allowed and _is_private_name(target.host):
        raise Blocked.because(
            f"{target.host} is a name of a private network.",
            "Use the full name of a public host.",
        )
    _refuse_http(target, [literal] if literal else [])


def judge_addresses(target: Target, found: Sequence[Address]) -> None:
    """Refuse unless every one of the addresses that the name has is fit to connect to.

    One bad answer refuses all: which of them is used is not the customer's to steer. The message
    stays general, because what a name resolves to inside our network is nobody's business.
    """
    allowed = allowed_networks()
    if not all(addresses.is_permitted(each, allowed=allowed) for each in found):
        raise Blocked.because("The host's address is not one that Hydra may reach.")
    _refuse_http(target, found)


def allowed_networks() -> tuple[Network, ...]:
    """The networks that this installation opens although they are not public."""
    spelled: list[str] = settings.HYDRA_OUTBOUND_ALLOW
    try:
        return addresses.networks(spelled)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"HYDRA_OUTBOUND_ALLOW must be a list of networks such as 127.0.0.0/8: {error}."
        ) from error


def _host_and_port(authority: str, *, default_port: int) -> tuple[str, int]:
    if "@" in authority:
        raise Blocked.because(
            "The address holds a user name or password.",
            "Leave it out: receivers are told by the signature that it is us.",
        )
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise Blocked.because("The host of the address is not a plain name or IP address.")
    port = int(parts["port"]) if parts["port"] else default_port
    host = parts["host"].lower().removeprefix("[").removesuffix("]")
    return host if ":" in host else host.removesuffix("."), port


def _literal(host: str) -> Address | None:
    """The IP address that `host` is, if any; refuses every unusual way to spell one."""
    labels = host.split(".")
    if ":" not in host and not _NUMBER.fullmatch(labels[-1]):
        if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            raise Blocked.because(f"{host[:80]} is not a host name.")
        return None
    try:
        return addresses.parse(host)
    except ValueError as error:
        raise Blocked.because(
            f"{host[:80]} is not an IP address in its usual form.",
            "Write four decimal numbers, or an IPv6 address in brackets.",
        ) from error


def _refuse_port(port: int) -> None:
    if port in DEFAULT_PORTS.values() or (1023 < port < 65536 and port not in FOREIGN_PORTS):
        return
    raise Blocked.because(
        f"Port {port} is not one for webhooks.",
        "Use 443, or a port above 1023 that no other protocol is known for.",
    )


def _refuse_http(target: Target, found: Sequence[Address]) -> None:
    """Plain HTTP only to networks that were allowed by name; of a name not yet resolved, later."""
    allowed = allowed_networks()
    inside = all(any(each in network for network in allowed) for each in found)
    if target.scheme == "http" and not (allowed and inside):
        raise Blocked.because(
            "The address must begin with https://.",
            "Plain HTTP is possible only to networks listed in HYDRA_OUTBOUND_ALLOW.",
        )


def _is_ourselves(target: Target) -> bool:
    """Whether it leads back to Hydra, where an event could cause itself."""
    ours = (urlsplit(url) for url in (settings.HYDRA_URL, settings.HYDRA_LIVE_URL))
    return (target.host, target.port) in {
        (each.hostname, each.port or DEFAULT_PORTS.get(each.scheme)) for each in ours
    }


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _is_private_name(host: str) -> bool:
    return "." not in host or host.endswith(PRIVATE_SUFFIXES)
