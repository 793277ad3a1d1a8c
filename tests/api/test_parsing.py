"""Strict JSON: what is refused, and where."""

from __future__ import annotations

import json

import pytest

from hydra.api import parsing
from hydra.api.faults import MalformedBody


def refused(body: bytes) -> tuple[str, str]:
    """The place and the sentence of the refusal."""
    with pytest.raises(MalformedBody) as refusal:
        parsing.parse_object(body)
    detail = refusal.value.details[0]
    return detail["location"], detail["message"]


def test_an_object_is_what_it_says() -> None:
    body = '{"name": "Zürich", "tags": ["a", {"b": null}], "n": 1, "x": 1.5, "y": true}'

    assert parsing.parse_object(body.encode()) == {
        "name": "Zürich",
        "tags": ["a", {"b": None}],
        "n": 1,
        "x": 1.5,
        "y": True,
    }


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_no_body_is_an_empty_object(body: bytes) -> None:
    assert parsing.parse_object(body) == {}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": }', "body, line 1, column 7"),
        (b'{"a": 1,\n "b": [1, 2}', "body, line 2, column 12"),
        (b"name=shop", "body, line 1, column 1"),
        (b'{"a": 1} {"b": 2}', "body, line 1, column 10"),
        (b'{"a": "line\nbreak"}', "body, line 1, column 12"),
        (b'{"a": "nul\x00"}', "body, line 1, column 11"),
    ],
)
def test_malformed_json_is_refused_with_line_and_column(body: bytes, place: str) -> None:
    location, message = refused(body)

    assert location == place
    assert message.startswith("The body is not JSON: ")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert refused(body) == ("body", "The body must be a JSON object.")


def test_bytes_that_are_no_utf8_are_refused_with_their_place() -> None:
    assert refused(b'{"a": "\xff"}') == (
        "body, byte 7",
        "The body is not UTF-8: byte 7 cannot be read.",
    )


def test_a_key_that_stands_twice_is_refused_with_its_path() -> None:
    assert refused(b'{"apps": [{}, {"code": "a", "code": "b"}]}') == (
        "apps.1.code",
        "The key 'code' stands twice in the same object.",
    )


@pytest.mark.parametrize("character", ["\\u0000", "\\ud800", "\\udfff\\ud800"])
def test_nul_and_lone_surrogates_are_refused_with_their_path(character: str) -> None:
    location, _ = refused(f'{{"apps": [{{"name": "x{character}"}}]}}'.encode())

    assert location == "apps.0.name"


def test_a_nul_in_a_key_is_refused() -> None:
    assert refused(b'{"a": {"b\\u0000": 1}}')[0] == "a"


def test_a_surrogate_pair_is_one_character() -> None:
    assert parsing.parse_object(b'{"a": "\\ud83d\\ude80"}') == {"a": "🚀"}


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
def test_what_is_no_number_in_json_is_refused(number: bytes) -> None:
    body = b'{"NaN [": "\\"Infinity",\n  "a": [1e3, -7, ' + number
    assert refused(body + b"]}")[0] == "body, line 2, column 18"
    assert refused(body + b"+.")[0] == "body, line 2, column 18"


def test_32_levels_are_taken_and_33_are_not() -> None:
    deepest = b'{"a":' * 31 + b"{}" + b"}" * 31

    assert json.loads(deepest) == parsing.parse_object(deepest)
    location, message = refused(b'{"[":\n' + deepest + b"}")
    assert location == "body, line 2, column 156"
    assert message == "The body is nested more than 32 levels deep."


def test_ten_thousand_levels_do_not_exhaust_the_stack() -> None:
    location, message = refused(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)

    assert location == "body, line 1, column 161"
    assert message == "The body is nested more than 32 levels deep."


def test_many_objects_side_by_side_are_not_deep() -> None:
    body = json.dumps({"rows": [{"n": n} for n in range(1000)]}).encode()

    assert len(parsing.parse_object(body)["rows"]) == 1000
