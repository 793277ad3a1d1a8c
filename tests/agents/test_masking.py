"""The masker of the agent, against the plainest way to say what it must do."""

from __future__ import annotations

import base64
import json
import random
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.program.masking import MASK, Masker

SECRETS = st.lists(st.text("abAB/", min_size=6, max_size=14), min_size=1, max_size=12)
TEXTS = st.lists(st.text("abAB/", max_size=12), max_size=20)


def fed(masker: Masker, stream: bytes, sizes: random.Random | None = None) -> bytes:
    """What comes out when `stream` goes in in pieces."""
    out = []
    position = 0
    while position < len(stream):
        size = sizes.randint(1, 9) if sizes else len(stream)
        out.append(masker.feed(stream[position : position + size]))
        position += size
    return b"".join(out) + masker.flush()


def covered(stream: bytes, secret: bytes) -> list[tuple[int, int]]:
    return [
        (start, start + len(secret))
        for start in range(len(stream))
        if stream.startswith(secret, start)
    ]


@settings(max_examples=400, deadline=None)
@given(secrets=SECRETS, texts=TEXTS, seed=st.integers(0, 1000))
def test_pieces_do_not_matter_and_nothing_secret_is_left(
    secrets: list[str], texts: list[str], seed: int
) -> None:
    chosen = random.Random(seed)
    stream = "".join(text + chosen.choice(["", *secrets]) for text in texts).encode()

    whole = fed(Masker(secrets), stream)
    in_pieces = fed(Masker(secrets), stream, sizes=chosen)

    assert in_pieces == whole
    for kept in whole.split(MASK):
        assert not any(covered(kept, secret.encode()) for secret in secrets)


def test_what_is_not_secret_passes_untouched() -> None:
    stream = bytes(range(256)) * 50
    assert fed(Masker(["not in there"]), stream, random.Random(1)) == stream
    assert fed(Masker([]), stream) == stream


def test_overlapping_secrets_have_one_mask() -> None:
    assert fed(Masker(["abcdef", "defghi"]), b"<abcdefghi>", random.Random(2)) == b"<***>"
    assert fed(Masker(["aaaaaa"]), b"<" + b"a" * 15 + b">", random.Random(3)) == b"<***>"
    assert fed(Masker(["abcabc"]), b"<abcabcabcabc>") == b"<***>"
    longer = Masker(["abcdef", "abcdefgh"])
    assert fed(longer, b"<abcdefgh abcdefg>", random.Random(4)) == b"<*** ***g>"


def test_short_values_are_not_secrets() -> None:
    assert fed(Masker(["12345", ""]), b"12345") == b"12345"


@pytest.mark.parametrize("secret", ["s3cret!", "grüße & küsse", 'quote" and \\ slash', "a/b+c=d?e"])
@pytest.mark.parametrize("many", [False, True])
def test_a_secret_is_found_in_every_spelling(secret: str, many: bool) -> None:
    others = [f"{number:08d}-other" for number in range(40)] if many else []
    masker = Masker([secret, *others])
    plain = secret.encode()
    spellings = [
        plain,
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret).encode(),
        urllib.parse.quote(secret).lower().encode(),
        json.dumps(secret)[1:-1].encode(),
    ]
    for spelling in spellings:
        assert fed(masker, b"[" + spelling + b"]", random.Random(4)) == b"[***]"
    for before in (b"", b"x", b"xy", b"xyz"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = fed(masker, encode(before + plain + b"after"), random.Random(5))
            assert encoded.count(MASK) == 1
            assert len(encoded.replace(MASK, b"")) <= 14


@given(
    secret=st.binary(min_size=6, max_size=12).map(lambda raw: raw.hex()[: 6 + len(raw) % 3]),
    many=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_nothing_is_left_of_a_secret_that_ends_what_is_encoded(
    secret: str, many: bool, seed: int
) -> None:
    masker = Masker([secret, *(f"{number:08d}-other" for number in range(40 * many))])

    for before, foreign in ((b"", 0), (b"x", 2), (b"xy", 3), (b"xyz", 4)):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(before + secret.encode())
            for printed in (encoded, encoded.rstrip(b"=")):
                masked = fed(masker, b"[" + printed + b"]", random.Random(seed))
                assert masked == b"[" + encoded[:foreign] + b"***]"


def test_a_long_secret_is_found_where_base64_breaks_its_lines() -> None:
    secret = "".join(random.Random(6).choices("abcdefghijk", k=400))
    printed = base64.encodebytes(secret.encode())

    masked = fed(Masker([secret]), printed)

    assert len(masked.replace(MASK, b"").replace(b"\n", b"")) <= 4


def test_an_end_that_may_become_a_secret_is_held_back_and_nothing_else() -> None:
    masker = Masker(["password1"])
    assert masker.feed(b"enter pass") == b"enter "
    assert masker.feed(b"age: ") == b"passage: "
    assert masker.feed(b"password") == b""
    assert masker.feed(b"1\n") == b"***\n"
    assert masker.feed(b"pass") == b""
    assert masker.flush() == b"pass"
