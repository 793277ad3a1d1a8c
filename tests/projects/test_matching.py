from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.matching import (
    BadPattern,
    RuleSet,
    compile_pattern,
    explain,
    is_moving,
    is_version_name,
)
from projects.version_order import is_newer, version_key

NAMES = ["v1.2.3", "v1.2.4-rc.1", "v2.0.0", "main", "release/2026-11", "4f2a9c1", "1.4", "V1.2.3"]
PATTERNS = [
    ("regex", ""),
    ("regex", "main"),
    ("regex", r"v[0-9]+\.[0-9]+\.[0-9]+"),
    ("regex", "(?i)v1.*"),
    ("regex", "release/.*|main"),
    ("regex", "[0-9a-f]{7}"),
    ("regex", ".*rc.*"),
    ("exact", "main"),
    ("exact", "v1.2.*"),
    ("wildcard", "v1.*"),
    ("wildcard", "?1.2.3"),
    ("wildcard", "*"),
    ("wildcard", "main"),
    ("wildcard", "[0-9]*"),
    ("tag", "stable"),
    ("tag", "st*"),
    ("latest", ""),
]


@pytest.mark.parametrize(
    ("strategy", "pattern", "matching"),
    [
        ("regex", "", NAMES),
        ("regex", "main", ["main"]),
        ("regex", r"v[0-9]+\.[0-9]+\.[0-9]+", ["v1.2.3", "v2.0.0"]),
        ("regex", "v1|v2.0.0", ["v2.0.0"]),
        ("regex", "^v1.*$", ["v1.2.3", "v1.2.4-rc.1"]),
        ("exact", "v1.2.3", ["v1.2.3"]),
        ("exact", "v1.*", []),
        ("wildcard", "v1.*", ["v1.2.3", "v1.2.4-rc.1"]),
        ("wildcard", "?1.2.3", ["v1.2.3", "V1.2.3"]),
        ("wildcard", "release/*", ["release/2026-11"]),
        ("wildcard", "ma.n", []),
        ("wildcard", "(main)", []),
    ],
)
def test_the_whole_name_has_to_match(strategy: str, pattern: str, matching: list[str]) -> None:
    matcher = compile_pattern(strategy, pattern)

    assert [name for name in NAMES if matcher.matches(name)] == matching


def test_a_tag_rule_looks_at_tags_alone() -> None:
    assert compile_pattern("tag", "stable").matches("v1", ["beta", "stable"])
    assert compile_pattern("tag", "sta*").matches("v1", ["stable"])
    assert not compile_pattern("tag", "stable").matches("stable", ["beta"])
    assert not compile_pattern("tag", "*").matches("v1", [])


def test_a_latest_rule_follows_what_the_caller_knows() -> None:
    matcher = compile_pattern("latest", "")

    assert matcher.matches("v1")
    assert not matcher.matches("v1", is_latest=False)
    assert RuleSet([(1, "latest", "")]).matches("v1") == {1}
    assert RuleSet([(1, "latest", "")]).matches("v1", is_latest=False) == set()


@pytest.mark.parametrize(
    ("strategy", "pattern", "message", "hint"),
    [
        ("regex", "(?=a)b", "invalid perl operator: (?=", "Look-around"),
        ("regex", "(?!a)b", "invalid perl operator: (?!", "Look-around"),
        ("regex", "(?<=a)b", "invalid perl operator: (?<=", "Look-around"),
        ("regex", "(?>a)", "invalid perl operator: (?>", "Look-around"),
        ("regex", r"(a)\1", r"invalid escape sequence: \1", "Back-references"),
        ("regex", "(", "missing ): (", "bracket"),
        ("regex", "a)", "unexpected ): a)", "bracket"),
        ("regex", "*a", "no argument for repetition operator: *", "literal star"),
        ("regex", "a**", "bad repetition operator: **", "literal star"),
        ("regex", "a{1001}", "invalid repetition size: {1001}", "1000 times"),
        ("regex", "((a{100}){100}){100}", "invalid repetition size: {100}", "1000 times"),
        ("regex", "[z-a]", "invalid character class range: z-a", "RE2"),
        ("regex", r"v1\Z", r"invalid escape sequence: \Z", "leave"),
        ("regex", "a" * 501, "the pattern has 501 characters", "At most 500"),
        ("regex", "a\x00", "the pattern holds a character that no name can have", "Remove"),
        ("wildcard", "\ud800", "the pattern holds a character that no name can have", "Remove"),
        ("exact", "a" * 501, "the pattern has 501 characters", "At most 500"),
        ("exact", "", "the pattern is empty", "Only a regular expression"),
        ("wildcard", "", "the pattern is empty", "Only a regular expression"),
        ("tag", "", "the pattern is empty", "Only a regular expression"),
        ("glob", "a", "unknown strategy: glob", "regex, exact, wildcard, tag, latest"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_engines_message(
    strategy: str, pattern: str, message: str, hint: str
) -> None:
    with pytest.raises(BadPattern) as refusal:
        compile_pattern(strategy, pattern)

    assert refusal.value.message == message
    assert hint in refusal.value.hint
    with pytest.raises(BadPattern):
        RuleSet([(1, "exact", "fine"), (2, strategy, pattern)])


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(.*a){12}",
        "(a*)*b",
        "(a|a?)+b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "a?" * 80 + "a" * 80,
        "(x+x+)+y",
        ".*.*.*=.*",
    ],
)
def test_patterns_that_hang_other_engines_answer_here(pattern: str) -> None:
    name = "a" * 255 + "!"

    assert not compile_pattern("regex", pattern).matches(name)
    assert RuleSet([(1, "regex", pattern)]).matches(name) == set()
    assert explain(compile_pattern("regex", pattern), name)


def test_a_name_beyond_the_limit_matches_nothing() -> None:
    long = "a" * 257

    assert not compile_pattern("regex", "").matches(long)
    assert (
        RuleSet([(1, "regex", ""), (2, "wildcard", "*"), (3, "exact", long)]).matches(long) == set()
    )
    assert explain(compile_pattern("regex", "a*"), long) == (
        "The name is longer than 256 characters."
    )


def test_a_set_of_rules_agrees_with_each_rule_alone() -> None:
    rules = [(number, strategy, pattern) for number, (strategy, pattern) in enumerate(PATTERNS)]
    rules += [(number + 100, strategy, pattern) for number, strategy, pattern in rules]
    together = RuleSet(rules)

    for name in NAMES:
        for tags in ([], ["stable"], ["beta", "start"]):
            alone = {
                rule_id
                for rule_id, strategy, pattern in rules
                if compile_pattern(strategy, pattern).matches(name, tags)
            }
            assert together.matches(name, tags) == alone


def test_ten_thousand_rules_agree_with_each_rule_alone() -> None:
    chance = random.Random(1)
    kinds = ["v{}\\.[0-9]+\\.[0-9]+", "release/{}-.*", "v1\\.{}\\..*", "(main|dev)-{}", ".*x{}"]
    rules = [("regex", chance.choice(kinds).format(number)) for number in range(5000)]
    rules += [("wildcard", f"v{number}.*") for number in range(2500)]
    rules += [("exact", f"v{number}.1.0") for number in range(2500)]
    together = RuleSet((str(number), *rule) for number, rule in enumerate(rules))

    for name in ("v17.1.0", "v1.99.4", "main-4711", "release/8-x12", "nothing"):
        assert together.matches(name) == {
            str(number) for number, rule in enumerate(rules) if compile_pattern(*rule).matches(name)
        }


def test_rules_too_large_for_one_machine_are_split() -> None:
    large = "(a{10}b?c?){25}" * 3
    rules = [(number, "regex", f"{large}{number}") for number in range(60)]
    together = RuleSet(rules)

    assert len(together.on_name.sets) > 1
    assert together.matches("a" * 10 * 75 + "7") == set()  # beyond 256 characters
    small = RuleSet([(number, "regex", f"(a{{10}}b?){{5}}{number}") for number in range(900)])
    assert small.matches("a" * 50 + "77") == {77}


def test_a_machine_that_runs_out_of_memory_is_not_believed() -> None:
    rules = RuleSet([(1, "regex", "v1.*"), (2, "regex", "v2.*"), (3, "regex", "v1.2")])

    class Exhausted:
        """RE2's set when its memory is gone: it answers as if nothing matched."""

        def Add(self, _pattern: str) -> int:  # noqa: N802
            return 0

        def Compile(self) -> None:  # noqa: N802
            """Nothing to do."""

        def Match(self, _text: str) -> None:  # noqa: N802
            return None

    whole = rules.on_name.sets[0]
    rules.on_name.sets = [type(whole)(whole.regexes, Exhausted())]

    assert rules.matches("v1.2") == {1, 3}


def test_an_empty_set_of_rules_matches_nothing() -> None:
    assert RuleSet[int]([]).matches("v1", ["a"]) == set()


WHOLE = "v1.2.3 does not match {}: the whole name has to match, and only “{}” does."


@pytest.mark.parametrize(
    ("strategy", "pattern", "sentence"),
    [
        ("regex", "v1.2", WHOLE.format("v1.2", "v1.2")),
        ("regex", "main", "v1.2.3 does not match main."),
        ("regex", "", "An empty pattern matches every name."),
        ("regex", "v1.*", "v1.2.3 matches v1.*."),
        ("wildcard", "v2.*", "v1.2.3 does not match v2.*."),
        ("wildcard", "v?", WHOLE.format("v?", "v1")),
        ("exact", "v1.2", "v1.2.3 is not exactly v1.2."),
        ("exact", "v1.2.3", "v1.2.3 matches v1.2.3."),
        ("tag", "stable", "No tag of v1.2.3 matches stable. It has beta, signed."),
        ("tag", "b*", "The tag beta matches b*."),
        ("latest", "", "v1.2.3 is not the latest version of its application."),
    ],
)
def test_a_rule_explains_itself(strategy: str, pattern: str, sentence: str) -> None:
    matcher = compile_pattern(strategy, pattern)

    assert explain(matcher, "v1.2.3", ["beta", "signed"], is_latest=False) == sentence


def test_a_tag_rule_says_when_there_are_no_tags() -> None:
    assert explain(compile_pattern("tag", "a"), "v1") == ("No tag of v1 matches a. It has no tags.")
    assert explain(compile_pattern("latest", ""), "v1") == (
        "v1 is the latest version of its application."
    )


def test_semantic_versions_are_ordered_as_semver_says() -> None:
    ordered = [
        "v0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "v1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1-0",
        "1.0.1--",
        "V1.0.1",
        "v1.4",
        "1.4.1",
        "1.10.0",
        "10.0.0",
    ]
    shuffled = random.Random(2).sample(ordered, len(ordered))
    keys = {name: version_key(name) for name in shuffled}

    assert None not in keys.values()
    assert sorted(shuffled, key=lambda name: keys[name] or ()) == ordered
    assert is_newer("1.10.0", "1.9.0") is True
    assert is_newer("1.0.0-rc.1", "1.0.0") is False


def test_build_metadata_and_a_leading_v_make_no_difference() -> None:
    assert version_key("v1.2.3+build.7") == version_key("1.2.3+x") == version_key("1.2.3")
    assert version_key("v1.4") == version_key("1.4.0")
    assert is_newer("v1.2.3", "1.2.3") is False


@pytest.mark.parametrize(
    "name",
    ["main", "", "1", "20261121", "v1", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01",
     "1.2.3-a..b", "1.2.3+", "1.2.x", " 1.2.3", "1.2.3\n", "-1.2.3", "1." + "9" * 300,
     "\u0661.\u0662.\u0663"],
)  # fmt: skip
def test_other_names_have_no_order(name: str) -> None:
    assert version_key(name) is None
    assert is_newer(name, "1.0.0") is None
    assert is_newer("1.0.0", name) is None


versions = st.from_regex(r"v?[0-9]{1,2}\.[0-9](\.[0-9])?(-[a-z0-9.]{1,4})?", fullmatch=True)


@given(versions, versions)
def test_of_two_versions_at_most_one_is_newer(one: str, other: str) -> None:
    assert not (is_newer(one, other) and is_newer(other, one))


def test_branches_move_and_releases_do_not() -> None:
    assert all(is_moving(name) for name in ("main", "master", "develop", "latest", "edge"))
    assert not any(is_moving(name) for name in ("v1.2.3", "mainline", "feature/main", ""))
    assert is_moving("feature/x", "main|feature/.*")
    assert not is_moving("main", "")


@pytest.mark.parametrize(
    "name",
    ["v1.2.3", "main", "feature/x-1", "1.0.0+build_7", "a" * 128, ".hidden", ".x", "+1", "_",
     "v1@x", "pkg@1.2.3", "@scope/pkg@1.2.3", "feature#1", "#1", "a=b,c!d%e~f", "é", "日本語/٣",
     "dependabot/npm_and_yarn/@types/node-1"],
)  # fmt: skip
def test_what_versions_may_be_called(name: str) -> None:
    assert is_version_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-rf", "a b", "a\n", "a" * 129, "a/", "/a", "a//b", "..", "a/../b", "./a", "a\x00",
     "$(x)", "a;b", "a\\b", "~root", 'a"b', "a'b", "a`b", "a&b", "a|b", "a<b", "a*b", "a?b",
     "a\u200bb", "a\u202eb", "a\u3164b", "a\u00a0b", "a\u2028b", "a\x1fb", "a\x7fb",
     "a\ud800b", "🚀"],
)  # fmt: skip
def test_what_versions_may_not_be_called(name: str) -> None:
    assert not is_version_name(name)


@given(st.text(max_size=3))
def test_what_versions_are_called_needs_no_escaping_in_json(name: str) -> None:
    assert not is_version_name(name) or json.dumps(name, ensure_ascii=False) == f'"{name}"'


@given(st.text(max_size=20), st.sampled_from(["regex", "wildcard", "exact", "tag"]))
def test_any_text_is_a_pattern_or_is_refused(pattern: str, strategy: str) -> None:
    try:
        matcher = compile_pattern(strategy, pattern)
    except BadPattern:
        return

    answer = matcher.matches("v1.2.3", ["v1.2.3"])
    assert RuleSet([("r", strategy, pattern)]).matches("v1.2.3", ["v1.2.3"]) == (
        {"r"} if answer else set()
    )
    assert explain(matcher, "v1.2.3", ["v1.2.3"])
