"""Secrets at rest: what was sealed opens only where and as it was sealed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from hydra import sealed
from hydra.sealed import SealBroken

HERE = "variable|var_a|value|org_a"


@pytest.fixture(autouse=True)
def one_key(settings: Settings) -> None:
    settings.HYDRA_ENCRYPTION_KEYS = {"k1": b"1" * 32}


@given(st.binary())
def test_what_was_sealed_opens_again(plaintext: bytes) -> None:
    assert sealed.open_sealed(sealed.seal(plaintext, bound_to=HERE), bound_to=HERE) == plaintext


def test_text_comes_back_as_text() -> None:
    blob = sealed.seal("pässwörd", bound_to=HERE)

    assert sealed.open_text(memoryview(blob), bound_to=HERE) == "pässwörd"
    assert "pässwörd".encode() not in blob


def test_the_same_plaintext_never_looks_the_same() -> None:
    assert len({sealed.seal("x", bound_to=HERE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "elsewhere",
    [
        "variable|var_b|value|org_a",  # another row
        "variable|var_a|value|org_b",  # another tenant
        "variable|var_a|note|org_a",  # another field
        "override|var_a|value|org_a",  # another table
        "",
    ],
)
def test_a_ciphertext_moved_elsewhere_does_not_open(elsewhere: str) -> None:
    blob = sealed.seal("x", bound_to=HERE)

    with pytest.raises(SealBroken, match="altered, or sealed for another place"):
        sealed.open_sealed(blob, bound_to=elsewhere)


def test_no_byte_of_it_can_be_changed_or_cut() -> None:
    blob = sealed.seal("a secret", bound_to=HERE)

    for position in range(len(blob)):
        altered = bytearray(blob)
        altered[position] ^= 1
        with pytest.raises(SealBroken):
            sealed.open_sealed(bytes(altered), bound_to=HERE)
        with pytest.raises(SealBroken):
            sealed.open_sealed(blob[:position], bound_to=HERE)


@given(st.binary(max_size=200))
def test_garbage_is_broken_and_nothing_worse(garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        sealed.open_sealed(garbage, bound_to=HERE)


def test_a_new_key_seals_while_the_old_one_still_opens(settings: Settings) -> None:
    old = sealed.seal("x", bound_to=HERE)

    settings.HYDRA_ENCRYPTION_KEYS = {"k2": b"2" * 32, "k1": b"1" * 32}
    new = sealed.reseal(old, bound_to=HERE)

    assert sealed.open_text(old, bound_to=HERE) == sealed.open_text(new, bound_to=HERE) == "x"
    assert (sealed.key_id_of(old), sealed.key_id_of(new)) == ("k1", "k2")
    assert (sealed.is_current(old), sealed.is_current(new)) == (False, True)


def test_a_retired_key_is_named(settings: Settings) -> None:
    blob = sealed.seal("x", bound_to=HERE)

    settings.HYDRA_ENCRYPTION_KEYS = {"k2": b"2" * 32}

    with pytest.raises(SealBroken, match="the key 'k1'"):
        sealed.open_sealed(blob, bound_to=HERE)


def test_an_id_that_now_stands_for_another_key_opens_nothing(settings: Settings) -> None:
    blob = sealed.seal("x", bound_to=HERE)

    settings.HYDRA_ENCRYPTION_KEYS = {"k1": b"2" * 32}

    with pytest.raises(SealBroken):
        sealed.open_sealed(blob, bound_to=HERE)


def test_a_binding_says_table_row_field_and_organization() -> None:
    assert sealed.binding("variable", row="var_a", field="value", org="org_a") == HERE
    with pytest.raises(ValueError, match="separator"):
        sealed.binding("variable", row="var_a|value", field="x", org="org_a")


def test_the_format_stays_readable_by_those_who_come_later() -> None:
    """Sealed by the first release; it has to open for as long as there are such rows."""
    blob = base64.b64decode("AQJrMa+WGlg5uxKlBniZk1EYPnMxbG8T7LrVEYBQXhbjT9mzbwKf5Ds=")

    assert sealed.open_text(blob, bound_to=HERE) == "the first"
