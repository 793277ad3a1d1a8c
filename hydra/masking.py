"""Striking secrets out of text that is about to be logged: tokens, `key=`, links of mails.

The last line of defence. The first is that nobody logs a secret: they lie sealed in the database,
or as digests, and are opened where they are used.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from structlog.typing import EventDict, WrappedLogger

HIDDEN: Final = "***"

_NAMES: Final = (
    r"(?:api|access|refresh|private|client|session|csrf|encryption)?[_-]?(?:key|keys|token|secret)"
    r"|password|passwd|passphrase|authorization|credentials?|ticket"
)
# What may stand in for a value: a quoted text, or everything up to the next separator.
_VALUE: Final = r"\"[^\"]*\"|'[^']*'|[^\s\"'&;,<>{}\[\]()]+"

# Where a word may begin: not within another, but after a percent-encoded separator.
_BEGIN: Final = r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2}))"

# Only what has the length of a real one: prose about `hyp_` or `key=` stays readable.
_TOKEN: Final = re.compile(
    rf"{_BEGIN}"
    r"(hyd_live_|hyp_|hya_|hyi_|hyr_|dh_|whsec_|sk_live_|sk_test_|rk_live_|rk_test_)"
    r"[0-9A-Za-z+/_-]{16,}={0,2}"
)
# `name=value` in queries, forms and reprs (`%3D` where it is itself a value in an address).
_ASSIGNED: Final = re.compile(
    rf"{_BEGIN}(?P<name>{_NAMES})(?P<between>\s?=\s?b?|%3D)(?P<value>{_VALUE})",
    re.IGNORECASE,
)
# `"name": value` in JSON and dicts. Without quotes a colon is prose: "Unknown key: colour".
_QUOTED: Final = re.compile(
    rf"{_BEGIN}(?P<name>{_NAMES})(?P<between>[\"']\s*:\s*b?)(?P<value>{_VALUE})",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"\b(?P<name>(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token))"
    r"(?P<between>:\s*)(?P<value>[^\r\n\"']+)",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(Bearer|Basic)\s+[0-9A-Za-z._~+/=-]{20,}", re.IGNORECASE)
# Links of mails: whoever has one chooses a new password, or proves an address.
_LINK: Final = re.compile(
    r"(/account/(?:password/(?:[0-9A-Za-z]+/(?!set-password/))?|confirm-email/|profile/email/))"
    r"(?=[^\s/?\"'<>]{20})[^\s/?\"'<>]+"
)
_USERINFO: Final = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")


def mask(text: str) -> str:
    """`text` with every credential in it replaced by `***`; what it was stays recognizable."""
    text = _TOKEN.sub(rf"\g<1>{HIDDEN}", text)
    text = _BEARER.sub(rf"\g<1> {HIDDEN}", text)
    text = _USERINFO.sub(HIDDEN, text)
    text = _LINK.sub(rf"\g<1>{HIDDEN}", text)
    for named in (_HEADER, _ASSIGNED, _QUOTED):
        text = named.sub(_hide_value, text)
    return text


def _hide_value(found: re.Match[str]) -> str:
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{HIDDEN}{quote}"


def mask_value(value: object) -> object:
    """`mask` throughout a structure, as far as text goes; the rest is kept as it is."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _mask_item(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    shown = str(value)
    masked = mask(shown)
    return value if masked == shown else masked


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor, to stand last before the renderer: nothing after it adds text."""
    return {name: _mask_item(name, value) for name, value in event.items()}


def _mask_item(name: str, value: object) -> object:
    """A value is also secret because of what it is called."""
    if isinstance(value, str) and value and re.fullmatch(_NAMES, name, re.IGNORECASE):
        return HIDDEN
    return mask_value(value)


class MaskingFilter(logging.Filter):
    """For handlers of the standard library: masks message, arguments and traceback of a record.

    It belongs on handlers: a filter on a logger does not see what its children pass up.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            # One by one first, because uvicorn's formatter takes the arguments apart.
            record.args = tuple(_mask_argument(argument) for argument in record.args)
        message = record.getMessage()
        masked = mask(message)
        if masked != message:
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:
            # Formatters use this text when it is there, instead of formatting it again.
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return True


def _mask_argument(argument: object) -> object:
    return mask(argument) if isinstance(argument, str) else argument
