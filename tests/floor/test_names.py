"""Names hold what everybody sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import names
from hydra.errors import Invalid


@pytest.mark.parametrize(
    "name",
    [
        "Web shop",
        "Zürich · Ünïcode",
        "東京リージョン",
        "متجر",
        "חנות",
        "Привет, мир!",
        "a\u0301 accent of its own",
        "no\u00a0break",
        "🚀 rockets",
    ],
)
def test_a_name_in_any_script_is_kept(name: str) -> None:
    assert names.objection(name) == ""
    assert names.require_plain(f"  {name} ") == name


@pytest.mark.parametrize(
    ("character", "told"),
    [
        ("\u202e", "U+202E (right-to-left override)"),
        ("\u2066", "U+2066 (left-to-right isolate)"),
        ("\u2069", "U+2069 (pop directional isolate)"),
        ("\u200e", "U+200E (left-to-right mark)"),
        ("\u061c", "U+061C (arabic letter mark)"),
        ("\u200b", "U+200B (zero width space)"),
        ("\u200d", "U+200D (zero width joiner)"),
        ("\u2060", "U+2060 (word joiner)"),
        ("\ufeff", "U+FEFF (zero width no-break space)"),
        ("\u00ad", "U+00AD (soft hyphen)"),
        ("\u2028", "U+2028 (line separator)"),
        ("\u2029", "U+2029 (paragraph separator)"),
        ("\u0085", "U+0085 (a control character)"),
        ("\x07", "U+0007 (a control character)"),
        ("\x1b", "U+001B (escape)"),
        ("\x00", "U+0000 (NUL)"),
        ("\n", "U+000A (a line break)"),
        ("\t", "U+0009 (a tab)"),
        ("\U000e0041", "U+E0041 (tag latin capital letter a)"),
        ("\u3164", "U+3164 (hangul filler)"),
        ("\ud800", "U+D800 (a control character)"),
    ],
)
def test_what_nobody_sees_is_refused_by_its_name(character: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.require_plain(f"web{character}shop")

    sentence = f"A name has visible characters and spaces only. Take out {told}."
    assert refused.value.message == sentence
    assert refused.value.details[0]["location"] == "name"


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_a_name_from_elsewhere_is_made_into_one_that_is_kept(name: str) -> None:
    made = names.made_plain(name)

    assert names.require_plain(made) == made
