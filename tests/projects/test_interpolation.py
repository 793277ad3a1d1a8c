from __future__ import annotations

import io
import json

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from projects.merging import ConfigError, FileType, parse_check
from projects.merging.interpolation import (
    Missing,
    UnknownVariable,
    interpolate,
    interpolate_file,
    names_in,
)

# Whatever somebody could paste into a variable, quotes, markup and references to others included.
hostile = st.text(
    st.sampled_from("ab \"'\\$`#{}<>&]-!?=\n\r\t;\u00e9\u2028")
    | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=12,
) | st.sampled_from(["]]>", "#{B}", "##{B}", "-->", "?>", '","x":"', "\nEVIL=1", "' #", "null"])


def filled(file_type: FileType, text: str, **values: str) -> str:
    return interpolate_file(file_type, text, values, file="app.conf")


def test_a_variable_takes_the_place_of_its_name() -> None:
    values = {"HOST": "db", "hydra.version": "v1.2", "_x": "y"}

    assert interpolate("ssh #{HOST} #{hydra.version}#{_x}", values, file="run") == "ssh db v1.2y"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("##{A}", "#{A}"),
        ("###{A}", "##{A}"),
        ("##{", "#{"),
        ("# {A} #{} #{1} #{a-b} #{A", "# {A} #{} #{1} #{a-b} #{A"),
        ("${A} $#{A}", "${A} $one"),
        ("", ""),
    ],
)
def test_two_signs_are_a_literal_one_and_what_is_no_name_stays(text: str, result: str) -> None:
    assert interpolate(text, {"A": "one"}, file="run") == result


def test_a_value_is_never_read_again() -> None:
    assert interpolate("#{A}", {"A": "#{B} ##{C}", "B": "b"}, file="run") == "#{B} ##{C}"


def test_all_unknown_names_are_told_with_their_places() -> None:
    text = "one #{A}\n  #{B} #{KNOWN}\r\n#{A}"

    with pytest.raises(UnknownVariable) as refusal:
        interpolate(text, {"KNOWN": ""}, file="run.sh")

    assert refusal.value.places == (
        Missing("A", "run.sh", 1, 5),
        Missing("B", "run.sh", 2, 3),
        Missing("A", "run.sh", 3, 1),
    )
    assert (refusal.value.name, refusal.value.file) == ("A", "run.sh")
    assert (refusal.value.line, refusal.value.column) == (1, 5)
    assert str(refusal.value).startswith(
        "run.sh, line 1, column 5: no variable is named A; run.sh, line 2, column 3: "
    )


def test_no_more_than_twenty_places_are_told() -> None:
    with pytest.raises(UnknownVariable) as refusal:
        filled(FileType.XML, "<r>" + "<a>#{A}</a>#{B}" * 500 + "</r>")

    assert len(refusal.value.places) == 20


def test_names_are_told_once_and_in_their_order() -> None:
    assert names_in("#{B} #{A} ##{C} #{B}") == ["B", "A"]
    assert names_in("<!-- #{A} --><r>#{B}</r>", FileType.XML) == ["B"]


def test_a_value_stays_inside_its_json_string() -> None:
    text = '{"#{K}": "a#{V}b", "n": #{N}, "s": #{V}, "lit": "##{V}"}'

    result = filled(FileType.JSON, text, K='k"', V='x","y": "z\n', N="8080")

    assert result == (
        '{"k\\"": "ax\\",\\"y\\": \\"z\\nb", "n": 8080, '
        '"s": "x\\",\\"y\\": \\"z\\n", "lit": "#{V}"}'
    )


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("1", "1"),
        ("-1.5e3", "-1.5e3"),
        ("true", "true"),
        ("null", "null"),
        ("01", '"01"'),
        ("1,2", '"1,2"'),
        ("NaN", '"NaN"'),
        ("[1]", '"[1]"'),
        ("#{A}", '"#{A}"'),
        ("", '""'),
    ],
)
def test_a_bare_value_becomes_what_it_reads_as(value: str, spelled: str) -> None:
    assert filled(FileType.JSON, '{"a": #{A}}', A=value) == f'{{"a": {spelled}}}'


def test_values_that_make_two_names_equal_are_refused() -> None:
    with pytest.raises(ConfigError, match="stands here twice"):
        filled(FileType.JSON, '{"#{A}": 1, "#{B}": 2}', A="x", B="x")


@given(hostile, hostile)
def test_json_reads_back_exactly_what_the_variables_hold(a: str, b: str) -> None:
    result = filled(FileType.JSON, '{"a": "#{A}", "both": ["<#{A}#{B}>"]}', A=a, B=b)

    assert json.loads(result) == {"a": a, "both": [f"<{a}{b}>"]}


@given(hostile, hostile)
def test_xml_reads_back_exactly_what_the_variables_hold(a: str, b: str) -> None:
    text = "<r a=\"#{A}\" b='#{B}'>#{A}<x>]]#{B}&gt;</x><y><![CDATA[]#{A}]#{B}>]]></y></r>"

    root = etree.fromstring(filled(FileType.XML, text, A=a, B=b).encode())

    assert dict(root.items()) == {"a": a, "b": b}
    assert root.text == (a or None)
    assert [child.text for child in root] == [f"]]{b}>", f"]{a}]{b}>"]


@given(hostile, hostile)
def test_dotenv_reads_back_exactly_what_the_variables_hold(a: str, b: str) -> None:
    text = "D=\"#{A}|#{B}\"\nexport S='#{A}|#{B}' # why\nU=x#{A}|#{B}y\nLAST=1\n"

    result = filled(FileType.DOTENV, text, A=a, B=b)

    read = dotenv_values(stream=io.StringIO(result, newline=""), interpolate=False)
    assert read == {"D": f"{a}|{b}", "S": f"{a}|{b}", "U": f"x{a}|{b}y", "LAST": "1"}
    parse_check(FileType.DOTENV, result)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "A=plain # why"),
        ("two words", "A='two words' # why"),
        ("p#s$w", "A='p#s$w' # why"),
        ("it's", 'A="it\'s" # why'),
        ("a\nEVIL=1", "A='a\nEVIL=1' # why"),
        ("", "A= # why"),
    ],
)
def test_an_unquoted_dotenv_value_is_quoted_when_it_has_to_be(value: str, line: str) -> None:
    assert filled(FileType.DOTENV, "A=#{V} # why", V=value) == line


def test_comments_are_nobodys_value() -> None:
    xml = "<!-- #{GONE} --><r><!-- ##{x} #{GONE} --><?do #{GONE}?>#{A}</r>"
    dotenv = "# A=#{GONE}\n#{GONE}\nA=#{A} # not #{GONE}\n"

    assert filled(FileType.XML, xml, A="1") == xml.replace("#{A}", "1")
    assert filled(FileType.DOTENV, dotenv, A="1") == dotenv.replace("#{A}", "1")


def test_plain_text_gets_values_as_they_are() -> None:
    assert filled(FileType.TXT, 'a "#{A}" <#{A}>', A='"&') == 'a ""&" <"&>'


@pytest.mark.parametrize(
    ("file_type", "text", "value"),
    [
        (FileType.XML, "<r>#{A}</r>", "\x01"),
        (FileType.XML, '<r a="#{A}"/>', "\x00"),
        (FileType.XML, '<r id="#{A}"/>', "\ud800"),
        (FileType.DOTENV, "A=#{A}", "\x00"),
        (FileType.TXT, "#{A}", "\ud800"),
        (FileType.TXT, "#{A}#{A}", "x" * (1 << 20)),
    ],
)
def test_a_value_that_the_file_cannot_hold_is_refused(
    file_type: FileType, text: str, value: str
) -> None:
    with pytest.raises(ConfigError):
        filled(file_type, text, A=value)


def test_a_file_without_variables_stays_as_it_is() -> None:
    for file_type, text in (
        (FileType.JSON, '\ufeff{"a" : 1.0}\r\n'),
        (FileType.XML, "<?xml version='1.0'?>\n<r a = '1' />\n"),
        (FileType.DOTENV, "A = 'x' # y\r\n\r\n"),
        (FileType.TXT, "x\x0b\n"),
    ):
        assert filled(file_type, text) == text
