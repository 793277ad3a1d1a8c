from __future__ import annotations

import io

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from projects.merging import ConfigError, FileType, KeyOrigin, Origin, merge, parse_check

names = st.sampled_from(["A", "B", "C_1", "lower", "D.E"])
spelled = st.one_of(
    st.text("abc$`=/:é", max_size=5),
    st.text("ab #'\"\\$\n\t{}", max_size=6).map(
        lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
    st.text('ab #"$\n', max_size=6).map(lambda value: f"'{value}'"),
    st.sampled_from(["#{X}", "x #{X} y", "#x", "a#b", '"#{X}"', "'\\''", '"a\\nb"']),
)
lines = st.one_of(
    st.builds("{}{}{}{}{}".format,
        st.sampled_from(["", "export ", "  "]),
        names,
        st.sampled_from(["=", " = "]),
        spelled,
        st.sampled_from(["", " # why", "  "]),
    ),
    st.sampled_from(["", "# a comment", "   # indented", "BARE"]),
)  # fmt: skip
ends = st.sampled_from(["", "\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn, *, allow_bare: bool = True) -> str:
    new_line = draw(st.sampled_from(["\n", "\r\n"]))
    chosen = [line for line in draw(st.lists(lines, max_size=6)) if allow_bare or line != "BARE"]
    return new_line.join(chosen) + draw(st.sampled_from(["", new_line]))


def merged_dotenv(base: str, override: str | None) -> str:
    return merge(FileType.DOTENV, base, override).text


def read(text: str) -> dict[str, str | None]:
    # A `#{NAME}` is no comment to us; to python-dotenv it would be one.
    hidden = text.replace("#{X}", "@{X}")
    return dotenv_values(stream=io.StringIO(hidden, newline=""), interpolate=False)


@given(files(), files(allow_bare=False))
def test_the_override_wins_key_by_key(base: str, override: str) -> None:
    assert read(merged_dotenv(base, override)) == read(base) | read(override)


@given(files(), files(allow_bare=False))
def test_merging_twice_is_merging_once(base: str, override: str) -> None:
    once = merged_dotenv(base, override)

    assert merged_dotenv(once, override) == once


@given(files(), st.sampled_from([None, "", "\n \t\r\n", "\ufeff", "# only a comment\n"]))
def test_an_override_that_says_nothing_changes_not_one_byte(
    base: str, override: str | None
) -> None:
    assert merged_dotenv(base, override) == base


@given(files(), files(allow_bare=False))
def test_comments_and_order_survive(base: str, override: str) -> None:
    result = merged_dotenv(base, override)

    assert list(read(result))[: len(read(base))] == list(read(base))
    for comment in ("# a comment", "   # indented"):
        assert result.count(comment) >= base.count(comment)


def test_a_value_is_exchanged_and_all_around_it_stays() -> None:
    base = (
        "# The server\n"
        "\n"
        "export PORT='80' # public\n"
        '  HOST = "a"  \n'
        "MODE=dev # for now\n"
        "NOTHING= # to be filled\n"
        'LAST="x"'
    )
    override = "PORT=8080\nHOST=b\nMODE='prod'\nNOTHING=some\nLAST=y\nexport NEW='n' # added\n"

    assert merged_dotenv(base, override) == (
        "# The server\n"
        "\n"
        "export PORT='8080' # public\n"
        '  HOST = "b"  \n'
        "MODE=prod # for now\n"
        "NOTHING=some # to be filled\n"
        'LAST="y"\n'
        "export NEW='n' # added"
    )


@pytest.mark.parametrize(
    ("base", "override", "result"),
    [
        ("A=x", 'A="two words"', 'A="two words"'),
        ("A=x # why", 'A="two words"', 'A="two words" # why'),
        ("A='x'", 'A="it\'s"', 'A="it\'s"'),
        ('A="x"', "A='say \"hi\"'", 'A="say \\"hi\\""'),
        ('A="x"', "A='$HOME'", "A='$HOME'"),
        ("A='x'", 'A="$HOME"', 'A="$HOME"'),
        ('A="$HOME"', "A='$HOME'", "A='$HOME'"),
        ('A="x"', "A='one\ntwo'", 'A="one\ntwo"'),
        ("A=x", "A=", "A="),
        ("A= x", "A=#y", "A=#y"),
        ("A", "A=1", "A=1"),
        ("A # why", "A=1", "A=1 # why"),
        ("A=1\nA=2\n", "A=3", "A=3\nA=3\n"),
        ("A=1\n", "A=2\nA=3", "A=3\n"),
    ],
)
def test_quotes_stay_where_they_can_hold_the_value(base: str, override: str, result: str) -> None:
    assert merged_dotenv(base, override) == result


def test_the_base_decides_how_lines_end() -> None:
    assert merged_dotenv("A=1\r\nB=2\r\n", "B=3\nC=4\n") == "A=1\r\nB=3\r\nC=4\r\n"
    assert merged_dotenv("A=1", "B=2\nC=3\n") == "A=1\nB=2\nC=3"
    assert merged_dotenv("", "B=2") == "B=2\n"


def test_a_variable_is_no_comment() -> None:
    assert merged_dotenv("URL=http://a #{PATH} # b", "URL=x #{HOST}") == "URL=x #{HOST} # b"


def test_every_key_knows_where_it_comes_from() -> None:
    merged = merge(FileType.DOTENV, "# c\n\nA=1\nB=2\n", "B='two\nlines'\nC=3")

    assert merged.text == "# c\n\nA=1\nB='two\nlines'\nC=3\n"
    assert merged.origins == (
        KeyOrigin("A", Origin.BASE, 3),
        KeyOrigin("B", Origin.OVERRIDE, 4),
        KeyOrigin("C", Origin.OVERRIDE, 6),
    )
    assert merged.lines == (*[Origin.BASE] * 3, *[Origin.OVERRIDE] * 3)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('A=1\nB="never\nC=3', 2, 3, "The quote is never closed"),
        ("A=1\n\n  two words", 3, 7, "An = is expected"),
        ("=1", 1, 1, "A name is expected"),
        ("A='x'y", 1, 6, "Only a comment may follow"),
        ("A=1\r\nB='x' y", 2, 7, "Only a comment may follow"),
        ("A=\x00", 1, 3, "NUL is not allowed"),
        ("A=\ud800", 1, 3, "Half a surrogate pair"),
        ("'a#{B}'=1", 1, 3, "not in a name"),
        ("A=x" + " " * 128 + "y", 1, 4, "128 blanks in a row"),
        ("A=1\n" * 10_001, 10_001, 1, "more than 10000 entries"),
    ],
)
def test_what_is_no_dotenv_is_refused_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_check(FileType.DOTENV, text)

    assert (refusal.value.line, refusal.value.column) == (line, column)


def test_a_name_alone_is_a_slip_in_an_override_only() -> None:
    parse_check(FileType.DOTENV, "A=1\nTOKEN\n")

    with pytest.raises(ConfigError, match="write TOKEN= for an empty one") as refusal:
        parse_check(FileType.DOTENV, "A=1\nTOKEN\n", origin=Origin.OVERRIDE)

    assert (refusal.value.line, refusal.value.column) == (2, 6)
    assert refusal.value.origin is Origin.OVERRIDE


def test_a_blank_override_is_fine_where_a_blank_file_is_not() -> None:
    parse_check(FileType.JSON, " \n", origin=Origin.OVERRIDE)
    with pytest.raises(ConfigError):
        parse_check(FileType.JSON, " \n")


def test_plain_text_is_replaced_as_a_whole() -> None:
    merged = merge(FileType.TXT, "one\ntwo\n", "three\n")

    assert merged.text == "three\n"
    assert merged.lines == (Origin.OVERRIDE,)
    assert merged.origins == ()
    assert merge(FileType.TXT, "one\ntwo\n", " \n").text == "one\ntwo\n"
    assert merge(FileType.TXT, "one\ntwo\n", None).lines == (Origin.BASE, Origin.BASE)
