"""Names and credentials: public ids, tokens with a checksum, webhook secrets.

Nothing here stores a credential. What is kept is `digest(token)`; the token itself is shown once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib
from typing import Final

BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAIRS: Final = [first + second for first in BASE62 for second in BASE62]

API_KEY: Final = "hyd_live_"
PERSONAL_TOKEN: Final = "hyp_"  # noqa: S105  # only the prefix
AGENT_KEY: Final = "hya_"
INVITE_CODE: Final = "hyi_"
DEPLOY_HOOK: Final = "dh_"
TOKEN_PREFIXES: Final = (API_KEY, PERSONAL_TOKEN, AGENT_KEY, INVITE_CODE, DEPLOY_HOOK)

WEBHOOK_SECRET: Final = "whsec_"  # noqa: S105  # only the prefix

UID_LENGTH: Final = 20
RANDOM_LENGTH: Final = 30  # 178 bits
CHECKSUM_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32, so every CRC-32 fits


def base62(number: int, width: int) -> str:
    """`number` in base62, filled with zeros to exactly `width` characters."""
    pairs = []
    for _ in range(0, width, 2):
        number, pair = divmod(number, len(PAIRS))
        pairs.append(PAIRS[pair])
    return "".join(reversed(pairs))[-width:]


def random_base62(length: int) -> str:
    """`length` characters, each of the 62 equally likely.

    One draw for all of them: a request makes many names, and asking the system once is 5 x faster.
    """
    return base62(secrets.randbelow(len(BASE62) ** length), length)


def new_uid(prefix: str) -> str:
    """A public id such as `prj_4fQ…`; unguessable, but no secret."""
    return f"{prefix}_{random_base62(UID_LENGTH)}"


def new_token(prefix: str) -> str:
    """A new credential of the kind `prefix` names, with its checksum at the end."""
    if prefix not in TOKEN_PREFIXES:
        raise ValueError(f"{prefix!r} is not the prefix of any kind of token")
    body = prefix + random_base62(RANDOM_LENGTH)
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 of `body` in base62, always six characters."""
    return base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def looks_valid(token: str, prefix: str) -> bool:
    """Whether `token` could be one of ours: a typo or garbage costs no query."""
    if len(token) != len(prefix) + RANDOM_LENGTH + CHECKSUM_LENGTH:
        return False
    if not token.startswith(prefix) or not all(c in BASE62 for c in token[len(prefix) :]):
        return False
    return token[-CHECKSUM_LENGTH:] == checksum(token[:-CHECKSUM_LENGTH])


def kind_of(token: str) -> str | None:
    """The prefix of the kind that `token` is a well-formed member of, if any."""
    return next((prefix for prefix in TOKEN_PREFIXES if looks_valid(token, prefix)), None)


def digest(token: str) -> str:
    """What is stored and looked up.

    A plain hash suffices because the token is 178 random bits: there is nothing to guess.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def shown_prefix(token: str) -> str:
    """The start of a token, enough for its owner to recognize it: `hyd_live_4fQx`."""
    prefix = next((p for p in (*TOKEN_PREFIXES, WEBHOOK_SECRET) if token.startswith(p)), "")
    return token[: len(prefix) + 4]


def last_four(token: str) -> str:
    return token[-4:]


def new_webhook_secret() -> str:
    """A signing secret in the form of Standard Webhooks: `whsec_` and 32 bytes in base64."""
    return WEBHOOK_SECRET + base64.b64encode(secrets.token_bytes(32)).decode()
