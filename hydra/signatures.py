"""Signing what webhooks send, and the reference verifier of both styles.

The seed's style is `X-Hydra-Signature: sha256=<hex>`, keyed with the secret exactly as the customer
has it. Standard Webhooks signs id, time and body, keyed with the bytes that the secret encodes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Final

from hydra.keys import WEBHOOK_SECRET

TOLERANCE_SECONDS: Final = 300
VERSION: Final = "v1"
SEED_SCHEME: Final = "sha256="

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"


class BadSignature(Exception):
    """A message is not from whom it claims to be, or is too old or too new to believe."""


def seed_signature(body: bytes, secret: str) -> str:
    """`sha256=` and the hex HMAC of the raw body."""
    return SEED_SCHEME + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(
    body: bytes, *, secrets: Sequence[str], message_id: str, timestamp: int
) -> str:
    """One `v1,<base64>` for each live secret, so that both verify while one replaces the other."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"{VERSION},{_mac(signed, secret)}" for secret in secrets)


def headers(
    body: bytes, *, secrets: Sequence[str], message_id: str, timestamp: int, prefix: str = "X-Hydra"
) -> dict[str, str]:
    """The signature headers of one attempt; `secrets` are the live ones, newest first.

    The seed's header has room for one signature, so during a rotation the older secret's stands
    in a header of its own.
    """
    signed = {
        f"{prefix}-Signature": seed_signature(body, secrets[0]),
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: standard_signature(
            body, secrets=secrets, message_id=message_id, timestamp=timestamp
        ),
    }
    if len(secrets) > 1:
        signed[f"{prefix}-Signature-Previous"] = seed_signature(body, secrets[1])
    return signed


def verify_seed(body: bytes, *, signature: str, secret: str) -> None:
    """Return when `signature` is the seed's style of signature of `body`; raise otherwise."""
    if not hmac.compare_digest(seed_signature(body, secret).encode(), _bytes(signature)):
        raise BadSignature("The signature does not belong to this body and secret.")


def verify_standard(
    body: bytes, *, received: Mapping[str, str], secret: str, now: float | None = None
) -> None:
    """Return when the Standard Webhooks headers in `received` vouch for `body`; raise otherwise.

    The clock is checked in both directions: a message from the future could be kept and replayed.
    """
    lowered = {name.lower(): value for name, value in received.items()}
    try:
        message_id, signatures = lowered[ID_HEADER], lowered[SIGNATURE_HEADER]
        timestamp = _timestamp(lowered[TIMESTAMP_HEADER])
    except KeyError as error:
        raise BadSignature(f"The header {error.args[0]} is missing.") from error
    age = (time.time() if now is None else now) - timestamp
    if abs(age) > TOLERANCE_SECONDS:
        raise BadSignature("The message is too old." if age > 0 else "The message is too new.")
    expected = _mac(f"{message_id}.{timestamp}.".encode() + body, secret).encode()
    offered = [item.partition(",") for item in signatures.split(" ")]
    # Every one is compared, so that the time taken does not tell which one matched.
    matches = [
        version == VERSION and hmac.compare_digest(expected, _bytes(mac))
        for version, _, mac in offered
    ]
    if not any(matches):
        raise BadSignature("No signature belongs to this message and secret.")


def _mac(signed: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(WEBHOOK_SECRET), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("A webhook secret is whsec_ and base64") from error


def _timestamp(text: str) -> int:
    """Only plain digits: `int` would also take signs, spaces, underscores and other alphabets."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise BadSignature("The timestamp is not a number of seconds.")
    return int(text)


def _bytes(signature: str) -> bytes:
    """`compare_digest` takes text only if it is ASCII; what strangers send may not be."""
    return signature.encode(errors="surrogateescape")
