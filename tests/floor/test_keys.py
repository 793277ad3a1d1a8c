"""Ids and tokens: their form, their checksum and their randomness."""

import base64
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import keys

KINDS = st.sampled_from(keys.TOKEN_PREFIXES)


@pytest.mark.parametrize("prefix", keys.TOKEN_PREFIXES)
def test_a_token_has_its_prefix_thirty_random_characters_and_a_checksum(prefix: str) -> None:
    token = keys.new_token(prefix)

    assert len(token) == len(prefix) + 36
    assert token.startswith(prefix)
    assert set(token.removeprefix(prefix)) <= set(keys.BASE62)
    assert keys.looks_valid(token, prefix)
    assert keys.kind_of(token) == prefix


def test_the_checksum_is_crc_32_in_base62_of_all_that_stands_before_it() -> None:
    body = "hyd_live_" + "0" * 30

    assert zlib.crc32(body.encode()) == 1547111865
    assert keys.checksum(body) == "1ghWTB"


@pytest.mark.parametrize(
    ("number", "spelled"), [(0, "000000"), (61, "00000z"), (62, "000010"), (2**32 - 1, "4gfFC3")]
)
def test_a_checksum_is_always_six_characters(number: int, spelled: str) -> None:
    assert keys.base62(number, 6) == spelled


@given(KINDS, st.integers(0, 35), st.sampled_from(keys.BASE62))
def test_one_wrong_character_is_noticed(prefix: str, position: int, other: str) -> None:
    token = keys.new_token(prefix)
    at = len(prefix) + position

    typo = token[:at] + other + token[at + 1 :]

    assert keys.looks_valid(typo, prefix) is (typo == token)


@given(KINDS, st.integers(0, 34))
def test_two_swapped_neighbours_are_noticed(prefix: str, position: int) -> None:
    token = keys.new_token(prefix)
    at = len(prefix) + position

    swapped = token[:at] + token[at + 1] + token[at] + token[at + 2 :]

    assert keys.looks_valid(swapped, prefix) is (swapped == token)


@given(st.text())
def test_garbage_is_no_token(garbage: str) -> None:
    assert keys.kind_of(garbage) is None


@pytest.mark.parametrize("cut", [1, 6, 20])
def test_a_cut_token_is_no_token(cut: int) -> None:
    token = keys.new_token(keys.API_KEY)

    assert not keys.looks_valid(token[:-cut], keys.API_KEY)
    assert not keys.looks_valid(token + "A" * cut, keys.API_KEY)
    assert not keys.looks_valid(" " + token, keys.API_KEY)


def test_a_token_of_one_kind_is_none_of_another() -> None:
    for prefix in keys.TOKEN_PREFIXES:
        token = keys.new_token(prefix)
        assert [each for each in keys.TOKEN_PREFIXES if keys.looks_valid(token, each)] == [prefix]


def test_an_unknown_kind_is_not_made() -> None:
    with pytest.raises(ValueError, match="kind of token"):
        keys.new_token("abc_")


def test_every_character_is_as_likely_as_the_next() -> None:
    drawn = Counter(keys.random_base62(62_000))

    assert set(drawn) == set(keys.BASE62)
    # 1000 of each are expected; six standard deviations are 189
    assert all(800 < count < 1200 for count in drawn.values())


def test_an_id_names_its_kind() -> None:
    uid = keys.new_uid("prj")

    assert uid.startswith("prj_")
    assert len(uid) == 24
    assert len({keys.new_uid("prj") for _ in range(1000)}) == 1000


def test_a_digest_is_sha_256_even_of_what_is_not_text() -> None:
    assert keys.digest("hyd_live_x") == (
        "79d588a5fa7a3a8bdd01b79520e7e061f26c03a52bd254ca1143d845197983a0"
    )
    assert len(keys.digest("\ud800")) == 64


@pytest.mark.parametrize(
    ("token", "shown"),
    [("hyd_live_abcdefgh", "hyd_live_abcd"), ("whsec_abcdefgh", "whsec_abcd"), ("other", "othe")],
)
def test_a_token_is_recognized_by_its_start_and_end(token: str, shown: str) -> None:
    assert keys.shown_prefix(token) == shown
    assert keys.last_four(token) == token[-4:]


def test_a_webhook_secret_is_what_standard_webhooks_expects() -> None:
    secret = keys.new_webhook_secret()

    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
