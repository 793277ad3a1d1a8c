"""Secrets at rest: AES-256-GCM, each ciphertext bound to the row and field it was sealed for.

A sealed value is: format (1 byte), length of the key id, the key id, nonce (12 bytes), ciphertext
with its tag. Everything before the ciphertext is authenticated together with `bound_to`.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

FORMAT: Final = 1
NONCE_BYTES: Final = 12


class SealBroken(Exception):
    """A sealed value cannot be opened: altered, moved to another row, or its key is gone."""


def binding(table: str, *, row: str, field: str, org: str) -> str:
    """The `bound_to` of one field of one row: `table|row uid|field|org uid`."""
    parts = (table, row, field, org)
    if any("|" in part for part in parts):
        raise ValueError("A part of a binding holds the separator: another row could look the same")
    return "|".join(parts)


def seal(plaintext: bytes | str, *, bound_to: str) -> bytes:
    """Encrypt with the active key; only `open_sealed` with the same `bound_to` gives it back."""
    key_id = active_key_id()
    header = bytes([FORMAT, len(key_id)]) + key_id.encode("ascii")
    nonce = os.urandom(NONCE_BYTES)
    message = plaintext.encode() if isinstance(plaintext, str) else plaintext
    ciphertext = AESGCM(keyring()[key_id]).encrypt(nonce, message, header + bound_to.encode())
    return header + nonce + ciphertext


def open_sealed(blob: bytes | memoryview, *, bound_to: str) -> bytes:
    """The plaintext, or `SealBroken` when anything about it is not as it was sealed."""
    sealed = bytes(blob)
    key_id = key_id_of(sealed)
    key = keyring().get(key_id)
    if key is None:
        raise SealBroken(f"It was sealed with the key {key_id!r}, which is no longer configured.")
    nonce_at = 2 + len(key_id)
    header, rest = sealed[:nonce_at], sealed[nonce_at:]
    try:
        return AESGCM(key).decrypt(
            rest[:NONCE_BYTES], rest[NONCE_BYTES:], header + bound_to.encode()
        )
    except (InvalidTag, ValueError) as error:
        raise SealBroken("It was altered, or sealed for another place.") from error


def open_text(blob: bytes | memoryview, *, bound_to: str) -> str:
    return open_sealed(blob, bound_to=bound_to).decode()


def key_id_of(blob: bytes | memoryview) -> str:
    """The id of the key that sealed `blob`, so that a rotation can tell what is left to do."""
    sealed = bytes(blob)
    if len(sealed) < 2 or sealed[0] != FORMAT or len(sealed) < 2 + sealed[1]:
        raise SealBroken("It is not a sealed value.")
    try:
        return sealed[2 : 2 + sealed[1]].decode("ascii")
    except UnicodeDecodeError as error:
        raise SealBroken("It is not a sealed value.") from error


def is_current(blob: bytes | memoryview) -> bool:
    """Whether the active key sealed it, so that a rotation leaves it alone."""
    return key_id_of(blob) == active_key_id()


def reseal(blob: bytes | memoryview, *, bound_to: str) -> bytes:
    """The same plaintext under the active key."""
    return seal(open_sealed(blob, bound_to=bound_to), bound_to=bound_to)


def active_key_id() -> str:
    return next(iter(keyring()))


def keyring() -> dict[str, bytes]:
    """The configured keys by id; the first one seals, all of them open."""
    keys: dict[str, bytes] = settings.HYDRA_ENCRYPTION_KEYS
    return keys
