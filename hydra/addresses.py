"""Which IP addresses a customer may make us talk to. Pure: it resolves and connects to nothing.

Python's `is_global` alone is not enough: of 3.11.7 it calls 192.0.0.192, 64:ff9b::a9fe:a9fe,
2002:a9fe:a9fe::1, ::127.0.0.1 and fec0::1 global.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(spelled: Iterable[str]) -> tuple[Network, ...]:
    """The networks that texts such as `10.0.0.0/8` spell; a single address is a network of one."""
    return tuple(ip_network(text) for text in spelled)


# Not even HYDRA_OUTBOUND_ALLOW opens these. Clouds answer there with credentials for the machine,
# "this host" reaches services that think they listen to nobody else, a webhook has one receiver.
NEVER: Final = networks(
    [
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle Cloud
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::254/128",  # Amazon
        "fd20:ce::254/128",  # Google
        "ff00::/8",
    ]
)

# Not public, whatever Python's table says; a network that is allowed may open them.
NOT_PUBLIC: Final = networks(
    [
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    ]
)
IPV6_UNICAST: Final = IPv6Network("2000::/3")  # all that was ever handed out for the public

NAT64: Final = networks(["64:ff9b::/96", "64:ff9b:1::/48"])
COMPATIBLE: Final = networks(["::/96", "::ffff:0:0:0/96"])
ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})


def parse(text: str) -> Address:
    """The address that `text` spells, an IPv4 address in an IPv6 coat as what it is.

    A zone (`fe80::1%eth0`) is dropped: such an address is link-local, and refused.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_permitted(address: Address, *, allowed: Iterable[Network] = ()) -> bool:
    """Whether a customer's URL may lead to `address`.

    What travels inside an IPv6 address counts as much as the address itself, because a gateway
    on the way may unwrap it.
    """
    carried = list(embedded(address))
    if any(_is_in(each, NEVER) for each in (address, *carried)):
        return False
    if _is_in(address, allowed):
        return True
    return all(is_public(each) for each in (address, *carried))


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in IPV6_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not _is_in(address, NOT_PUBLIC)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that some transition mechanism would read out of `address`."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    is_translated = _is_in(address, (*NAT64, *COMPATIBLE)) and not address.is_loopback
    if is_translated or (number >> 32) & 0xFFFFFFFF in ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
