"""Which IP addresses a customer's URL may lead to."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import addresses

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "100.63.255.255",
    "100.128.0.1",
    "::ffff:8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
]

NOT_PUBLIC = [
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::808:808",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:808:808::1",
    "2002:7f00:1::",
    "2a00:1450::5efe:7f00:1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
]

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "::",
    "::169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808::5601:5601",  # Teredo; the client is written with all bits turned over
    "2a00:1450::5efe:a9fe:a9fe",
    "2a00:1450::200:5efe:a9fe:a9fe",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

EVERYTHING = [ip_network("0.0.0.0/0"), ip_network("::/0")]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_permitted(text: str) -> None:
    assert addresses.is_permitted(addresses.parse(text))


@pytest.mark.parametrize("text", NOT_PUBLIC + NEVER)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert not addresses.is_permitted(addresses.parse(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_a_private_address_can_be_allowed(text: str) -> None:
    assert addresses.is_permitted(addresses.parse(text), allowed=EVERYTHING)


@pytest.mark.parametrize("text", NEVER)
def test_metadata_link_local_and_multicast_cannot_be_allowed(text: str) -> None:
    assert not addresses.is_permitted(addresses.parse(text), allowed=EVERYTHING)


def test_one_network_is_allowed_without_its_neighbours() -> None:
    allowed = addresses.networks(["127.0.0.0/8", "10.1.2.3"])

    assert addresses.is_permitted(addresses.parse("127.9.9.9"), allowed=allowed)
    assert addresses.is_permitted(addresses.parse("::ffff:127.0.0.1"), allowed=allowed)
    assert addresses.is_permitted(addresses.parse("10.1.2.3"), allowed=allowed)
    assert not addresses.is_permitted(addresses.parse("10.1.2.4"), allowed=allowed)
    assert not addresses.is_permitted(addresses.parse("::1"), allowed=allowed)
    assert not addresses.is_permitted(addresses.parse("2002:7f00:1::"), allowed=allowed)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="169.254.0.0/16"))
def test_no_coat_makes_a_private_address_public(inner: object) -> None:
    number = int(inner)  # type: ignore[call-overload]  # hypothesis names no common type
    high, low = number >> 16, number & 0xFFFF
    coats = [
        f"::ffff:{inner}",
        f"::{inner}",
        f"::ffff:0:{inner}",
        f"64:ff9b::{inner}",
        f"64:ff9b:1::{inner}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:808:808::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}",
        f"2a00:1450::5efe:{inner}",
    ]

    assert not any(addresses.is_permitted(addresses.parse(coat)) for coat in coats)
