"""Both styles of signature, checked against the specification's vector and against forgers."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import keys, signatures
from hydra.signatures import BadSignature

# The vector that the Standard Webhooks specification and its libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
RECEIVED = {
    "webhook-id": MESSAGE_ID,
    "webhook-timestamp": str(TIMESTAMP),
    "webhook-signature": SIGNATURE,
}


def verify(body: bytes = BODY, *, secret: str = SECRET, at: float = 0, **changed: str) -> None:
    received = RECEIVED | {name.replace("_", "-"): value for name, value in changed.items()}
    signatures.verify_standard(body, received=received, secret=secret, now=TIMESTAMP + at)


def test_the_specifications_vector_is_what_we_sign() -> None:
    signed = signatures.standard_signature(
        BODY, secrets=[SECRET], message_id=MESSAGE_ID, timestamp=TIMESTAMP
    )

    assert signed == SIGNATURE


def test_the_specifications_vector_verifies() -> None:
    verify()


def test_header_names_may_come_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in RECEIVED.items()}

    signatures.verify_standard(BODY, received=shouted, secret=SECRET, now=TIMESTAMP)


@pytest.mark.parametrize("at", [-300, 0, 300])
def test_a_clock_may_be_five_minutes_off(at: float) -> None:
    verify(at=at)


@pytest.mark.parametrize(
    ("at", "sentence"), [(301, "too old"), (360, "too old"), (-301, "too new")]
)
def test_a_message_from_another_time_is_refused_in_both_directions(
    at: float, sentence: str
) -> None:
    with pytest.raises(BadSignature, match=sentence):
        verify(at=at)


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "v1",
        "v1,",
        SIGNATURE[:-1],
        SIGNATURE.removeprefix("v1,"),
        SIGNATURE.replace("v1,", "v1a,"),
        SIGNATURE.replace("v1,", "v2,"),
        SIGNATURE.replace(",", ", "),
        SIGNATURE.swapcase(),
        "v1,ünïcödé=",
        "v1,\udcff",
        SIGNATURE + "=",
    ],
)
def test_a_forged_or_mangled_signature_is_refused(forged: str) -> None:
    with pytest.raises(BadSignature, match="No signature"):
        verify(webhook_signature=forged)


@pytest.mark.parametrize("name", RECEIVED)
def test_a_stripped_header_is_named(name: str) -> None:
    received = {each: value for each, value in RECEIVED.items() if each != name}

    with pytest.raises(BadSignature, match=name):
        signatures.verify_standard(BODY, received=received, secret=SECRET, now=TIMESTAMP)


@pytest.mark.parametrize("text", ["", "now", "+1614265330", " 1614265330", "1_614265330", "9" * 13])
def test_a_timestamp_is_plain_digits(text: str) -> None:
    with pytest.raises(BadSignature, match="not a number"):
        verify(webhook_timestamp=text)


def test_everything_that_is_signed_counts() -> None:
    with pytest.raises(BadSignature):
        verify(BODY + b" ")
    with pytest.raises(BadSignature):
        verify(webhook_id=MESSAGE_ID + "x")
    with pytest.raises(BadSignature):
        verify(webhook_timestamp=str(TIMESTAMP + 1))


def test_another_endpoints_secret_does_not_verify() -> None:
    with pytest.raises(BadSignature):
        verify(secret=keys.new_webhook_secret())


def test_during_a_rotation_both_secrets_verify_and_afterwards_only_the_new_one() -> None:
    old, new = keys.new_webhook_secret(), keys.new_webhook_secret()

    during = signatures.headers(
        BODY, secrets=[new, old], message_id=MESSAGE_ID, timestamp=TIMESTAMP
    )
    after = signatures.headers(BODY, secrets=[new], message_id=MESSAGE_ID, timestamp=TIMESTAMP)

    for secret in (old, new):
        signatures.verify_standard(BODY, received=during, secret=secret, now=TIMESTAMP)
    signatures.verify_seed(BODY, signature=during["X-Hydra-Signature"], secret=new)
    signatures.verify_seed(BODY, signature=during["X-Hydra-Signature-Previous"], secret=old)
    signatures.verify_standard(BODY, received=after, secret=new, now=TIMESTAMP)
    with pytest.raises(BadSignature):
        signatures.verify_standard(BODY, received=after, secret=old, now=TIMESTAMP)
    assert "X-Hydra-Signature-Previous" not in after


def test_the_seeds_style_is_keyed_with_the_whole_secret_as_text() -> None:
    expected = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

    assert signatures.seed_signature(BODY, SECRET) == expected
    signatures.verify_seed(BODY, signature=expected, secret=SECRET)


@pytest.mark.parametrize("forged", ["", "sha256=", "sha256=00", "sha1=00", "ünïcödé"])
def test_a_forged_signature_of_the_seeds_style_is_refused(forged: str) -> None:
    with pytest.raises(BadSignature):
        signatures.verify_seed(BODY, signature=forged, secret=SECRET)


def test_the_headers_prefix_can_be_changed_for_receivers_of_another_system() -> None:
    headers = signatures.headers(
        BODY, secrets=[SECRET], message_id=MESSAGE_ID, timestamp=TIMESTAMP, prefix="X-Deploxa"
    )

    assert headers == RECEIVED | {"X-Deploxa-Signature": signatures.seed_signature(BODY, SECRET)}


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_signature_fits_one_body_only(body: bytes, other: bytes) -> None:
    headers = signatures.headers(body, secrets=[SECRET], message_id="dlv_1", timestamp=TIMESTAMP)

    signatures.verify_standard(body, received=headers, secret=SECRET, now=TIMESTAMP)
    if other != body:
        with pytest.raises(BadSignature):
            signatures.verify_standard(other, received=headers, secret=SECRET, now=TIMESTAMP)
