"""Secrets at rest: AES-256-GCM, each ciphertext bound to the row and field it was sealed for.

A sealed value is: format (1 byte), length of the key id, the key id, nonce (12 bytes), ciphertext
with its tag. Everything before the ciphertext is authenticated together with `bound_to`.
"""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.functional import Promise

FORMAT: Final = 1
NONCE_BYTES: Final = 12
HIDDEN: Final = "***"


class SealBroken(Exception):
    """A sealed value cannot be opened: altered, moved to another row, or its key is gone."""


class Secret(Promise):
    """A value that shows itself only when asked to: `str`, `repr`, templates and JSON see `***`.

    It is a Promise because the JSON encoders of Django and REST framework write a Promise as
    its `str`; the plain encoder refuses it, which leaks nothing either. It cannot be pickled, so
    that it never travels in a task's arguments or a cache.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return HIDDEN

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled: pass the id of its row.")


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


def open_secret(blob: bytes | memoryview, *, bound_to: str) -> Secret:
    return Secret(open_text(blob, bound_to=bound_to))


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
