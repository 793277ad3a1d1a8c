from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.merging import ConfigError, FileType, KeyOrigin, Origin, merge, parse_check

# JSON as a person types it, and what the standard library reads from it.
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab~/"\\\n é#{}', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc~/", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)
indents = st.sampled_from([None, 0, 1, 2, 4, "\t"])


def merged_json(base: str, override: str | None) -> str:
    return merge(FileType.JSON, base, override).text


def patched(target: object, patch: object) -> object:
    """The algorithm of RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [
        ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
        ('{"a":"b"}', '{"a":null}', "{}"),
        ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
        ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
        ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
        ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
        ('["a","b"]', '["c","d"]', '["c", "d"]'),
        ('{"a":"b"}', '["c"]', '["c"]'),
        ('{"a":"foo"}', "null", "null"),
        ('{"a":"foo"}', '"bar"', '"bar"'),
        ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
        ("[1,2]", '{"a":"b","c":null}', '{\n  "a": "b"\n}'),
        ("{}", '{"a":{"bb":{"ccc":null}}}', '{\n  "a": {\n    "bb": {}\n  }\n}'),
    ],
)
def test_the_examples_of_rfc_7396_come_out(original: str, patch: str, result: str) -> None:
    assert merged_json(original, patch) == result


@given(values, values, indents, indents)
def test_every_merge_agrees_with_rfc_7396(
    base: object, patch: object, base_indent: int | None, patch_indent: int | None
) -> None:
    original = json.dumps(base, indent=base_indent, ensure_ascii=False)
    override = json.dumps(patch, indent=patch_indent)

    result = json.loads(merged_json(original, override))

    assert result == patched(base, patch)


@given(values, values, indents, indents)
def test_merging_twice_is_merging_once(
    base: object, patch: object, base_indent: int | None, patch_indent: int | None
) -> None:
    override = json.dumps(patch, indent=patch_indent)
    once = merged_json(json.dumps(base, indent=base_indent), override)

    assert merged_json(once, override) == once


@given(values, indents, st.sampled_from([None, "", " \n\t", "\ufeff", "{}"]))
def test_an_override_that_says_nothing_changes_not_one_byte(
    base: object, indent: int | None, override: str | None
) -> None:
    original = json.dumps({"top": base}, indent=indent) + "\n"

    assert merged_json(original, override) == original


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers()))
def test_the_base_keeps_its_order_and_new_keys_come_last(base: dict[str, int]) -> None:
    override = {name: number + 1 for name, number in reversed(base.items())} | {"new": 1}

    result = json.loads(merged_json(json.dumps(base), json.dumps(override)))

    assert list(result) == [*base, "new"]


def test_what_the_override_does_not_touch_keeps_its_spelling() -> None:
    base = (
        "{\r\n"
        '\t"big" : 12345678901234567890123, "exact": 1.10,\r\n'
        '\t"list": [ 1,2,\r\n\t 3 ],\r\n'
        '\t"escaped": "\\u00e9\\/",\r\n'
        '\t"port": 80\r\n'
        "}\r\n"
    )

    assert merged_json(base, '{"port": 8.080e3}') == base.replace("80\r\n", "8.080e3\r\n")


def test_new_members_are_indented_like_their_neighbours() -> None:
    base = '{\n    "db": {\n        "host": "a"\n    },\n    "tags": {"x": 1}\n}\n'
    override = '{"db":{"pool":{"size":5}},"tags":{"y":[1,2]},"log":{"to":["a",\n"b"]},"none":{}}'

    assert merged_json(base, override) == (
        "{\n"
        '    "db": {\n'
        '        "host": "a",\n'
        '        "pool": {\n'
        '            "size": 5\n'
        "        }\n"
        "    },\n"
        '    "tags": {"x": 1, "y": [1, 2]},\n'
        '    "log": {\n'
        '        "to": [\n'
        '            "a",\n'
        '            "b"\n'
        "        ]\n"
        "    },\n"
        '    "none": {}\n'
        "}\n"
    )


def test_a_removed_member_takes_its_line_with_it() -> None:
    base = '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'

    assert merged_json(base, '{"a": null}') == '{\n  "b": 2,\n  "c": 3\n}'
    assert merged_json(base, '{"c": null}') == '{\n  "a": 1,\n  "b": 2\n}'
    assert merged_json(base, '{"a": null, "b": null, "c": null}') == "{}"


def test_a_string_that_reads_null_is_not_null() -> None:
    assert merged_json('{"a": 1}', '{"a": "null"}') == '{"a": "null"}'


def test_every_key_knows_where_it_comes_from() -> None:
    base = '{\n  "a/b": 1,\n  "c": {\n    "d": 2,\n    "e": 3\n  }\n}\n'

    merged = merge(FileType.JSON, base, '{"c": {"d": null, "e": 4}, "f": [1]}')

    assert merged.text == '{\n  "a/b": 1,\n  "c": {\n    "e": 4\n  },\n  "f": [1]\n}\n'
    assert merged.origins == (
        KeyOrigin("/a~1b", Origin.BASE, 2),
        KeyOrigin("/c/d", Origin.REMOVED, None),
        KeyOrigin("/c/e", Origin.OVERRIDE, 4),
        KeyOrigin("/f", Origin.OVERRIDE, 6),
    )
    base_line, override_line = Origin.BASE, Origin.OVERRIDE
    assert merged.lines == (
        base_line,
        base_line,
        base_line,
        override_line,
        base_line,
        override_line,
        base_line,
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the file ends here"),
        ('{\n  "a": 1,\n}', 3, 1, "a trailing comma is not allowed"),
        ("[1,]", 1, 4, "a trailing comma is not allowed"),
        ('{"a": 1, "a": 2}', 1, 10, 'The name "a" stands here twice'),
        ('{"a": 1, "\\u0061": 2}', 1, 10, "stands here twice"),
        ('{"a": NaN}', 1, 7, "no NaN and no Infinity"),
        ('{"a": -Infinity}', 1, 7, "no NaN and no Infinity"),
        ('{"a": 01}', 1, 7, "not a JSON value"),
        ('{"a": .5}', 1, 7, "not a JSON value"),
        ('{"a": True}', 1, 7, "not a JSON value"),
        ("{'a': 1}", 1, 2, "A name in double quotes is expected"),
        ("{\"a\": 'b'}", 1, 7, "Strings stand in double quotes"),
        ('{"a": "b}\n', 1, 7, "no closing quote"),
        ('{"a": "\\x"}', 1, 8, "Unknown escape"),
        ('{"a": "\t"}', 1, 8, "Control characters are written as escapes"),
        ('{"a" 1}', 1, 6, "A colon is expected"),
        ('{"a": 1 "b": 2}', 1, 9, "A comma or } is expected"),
        ("[1 2]", 1, 4, "A comma or ] is expected"),
        ('{"a": 1} x', 1, 10, "Nothing may follow the value"),
        ('{\r\n// no\r\n"a": 1}', 2, 1, "A name in double quotes is expected"),
        ('{"a": // no\n1}', 1, 7, "JSON has no comments"),
        ('{"a": "\\ud800"}', 1, 7, "half surrogate pairs"),
        ('{"a": "\\u0000"}', 1, 7, "NUL"),
        ('{"a": "\x00"}', 1, 8, "NUL is not allowed"),
        ("[" * 65, 1, 65, "deeper than 64 levels"),
        ("[" * 100_000, 1, 65, "deeper than 64 levels"),
        ("1" * (1 << 20) + "1", 1, (1 << 20) + 1, "longer than 1048576 characters"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_check(FileType.JSON, text)

    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert str(refusal.value).startswith(f"line {line}, column {column}: ")


def test_a_bad_override_is_told_from_a_bad_base() -> None:
    with pytest.raises(ConfigError) as bad_override:
        merge(FileType.JSON, "{}", "{")
    with pytest.raises(ConfigError) as bad_base:
        merge(FileType.JSON, "{", "{}")

    assert bad_override.value.origin is Origin.OVERRIDE
    assert bad_base.value.origin is Origin.BASE


def test_a_number_may_be_a_variable() -> None:
    parse_check(FileType.JSON, '{"port": #{PORT}}')

    assert merged_json('{"port": #{PORT}}', '{"size": #{SIZE}}') == (
        '{"port": #{PORT}, "size": #{SIZE}}'
    )


def test_a_byte_order_mark_stays() -> None:
    assert merged_json('\ufeff{"a": 1}', '\ufeff{"a": 2}') == '\ufeff{"a": 2}'
