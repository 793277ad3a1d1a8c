"""Strict JSON: one meaning for every body, and the place of what is wrong with it.

Python's parser takes more than JSON: duplicate keys, NaN, lone surrogates, numbers without end.
Each has broken somebody's database or let two readers see two different requests.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from hydra.api.faults import MalformedBody

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
FIX_JSON = "Send one JSON object in UTF-8."

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(rf"{_STRING}|NaN|-?Infinity|{_NUMBER}|[\[\]{{}}]", re.DOTALL)


class _Refusal(ValueError):
    """What the hooks of the parser raise; it has no place yet."""


class _TooDeep(_Refusal):
    """More levels than are taken."""

    def __init__(self) -> None:
        super().__init__(f"The body is nested more than {MAX_DEPTH} levels deep.")


class _Repeated(dict[str, Any]):
    """An object in which a key stands twice, until the walk has found out where it is."""

    repeated_key: str = ""


def parse_object(body: bytes) -> dict[str, Any]:
    """The object that `body` is; an empty body is an empty object. Else MalformedBody."""
    if not body.strip():
        return {}
    parsed = parse(body)
    if not isinstance(parsed, dict):
        raise MalformedBody.at("body", "The body must be a JSON object.", FIX_JSON)
    return parsed


def parse(body: bytes) -> Any:
    """What `body` says, unless it is malformed, ambiguous or too deep: then MalformedBody."""
    seen: list[_Repeated] = []
    text = _text(body)
    try:
        parsed = _load(text, _object_hook(seen))
        if seen or b"\\u" in body or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
            _walk(parsed)
    except (_TooDeep, RecursionError):
        raise MalformedBody.at(_place(text, _is_too_deep()), str(_TooDeep())) from None
    return parsed


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8: byte {error.start} cannot be read."
        raise MalformedBody.at(f"body, byte {error.start}", message, FIX_JSON) from None


def _load(text: str, hook: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=hook, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        why = error.msg.lower().removesuffix(" at")
        message = f"The body is not JSON: {why} at {place}."
        raise MalformedBody.at(f"body, {place}", message, FIX_JSON) from None
    except _Refusal as error:
        raise MalformedBody.at(_place(text, _is_no_number), str(error), FIX_JSON) from None
    except ValueError:  # more digits than Python converts
        message = "The body has a number too long to read."
        raise MalformedBody.at(_place(text, _is_too_long), message) from None


def _place(text: str, is_wrong: Callable[[str], bool]) -> str:
    """Where the first wrong token stands. What the parser has passed before it is sound JSON."""
    start = next((found.start() for found in _TOKEN.finditer(text) if is_wrong(found[0])), None)
    if start is None:
        return "body"
    line = text.count("\n", 0, start) + 1
    return f"body, line {line}, column {start - text.rfind(chr(10), 0, start)}"


def _is_no_number(token: str) -> bool:
    if token.endswith(("NaN", "Infinity")):
        return True
    is_real = token[0] in "-0123456789" and not token.lstrip("-").isdigit()
    return is_real and math.isinf(float(token))


def _is_too_long(token: str) -> bool:
    digits = token.lstrip("-")
    return digits.isdigit() and len(digits) > sys.get_int_max_str_digits()


def _is_too_deep() -> Callable[[str], bool]:
    depth = 0

    def is_wrong(token: str) -> bool:
        nonlocal depth
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        return depth > MAX_DEPTH

    return is_wrong


def _no_constant(name: str) -> NoReturn:
    raise _Refusal(f"The body is not JSON: {name} is no number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refusal(f"The body has a number that is too large: {digits[:40]}.")
    return number


def _object_hook(seen: list[_Repeated]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        marked = _Repeated(made)
        names = [name for name, _ in pairs]
        marked.repeated_key = next(name for name in names if names.count(name) > 1)
        seen.append(marked)
        return marked

    return hook


def _walk(parsed: Any) -> None:
    """Look at every value once, without recursion, and refuse the first bad one."""
    todo: list[tuple[Any, str, int]] = [(parsed, "", 1)]
    while todo:
        value, path, depth = todo.pop()
        if isinstance(value, str):
            _check_text(value, path)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise _TooDeep
            todo.extend(_inner(value, path, depth + 1))


def _inner(value: Any, path: str, depth: int) -> list[tuple[Any, str, int]]:
    prefix = f"{path}." if path else ""
    if isinstance(value, list):
        return [(item, f"{prefix}{place}", depth) for place, item in enumerate(value)]
    if isinstance(value, _Repeated):
        name = value.repeated_key
        message = f"The key {name[:100]!r} stands twice in the same object."
        raise MalformedBody.at(f"{prefix}{_printable(name)}", message, "Keep one of the two.")
    for name in value:
        _check_text(name, path or "body")
    return [(item, f"{prefix}{name}", depth) for name, item in value.items()]


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise MalformedBody.at(path, "A text must not contain the character NUL (\\u0000).")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedBody.at(path, "A text contains half of a surrogate pair.")


def _printable(name: str) -> str:
    return name[:100].encode("utf-8", "replace").decode()
