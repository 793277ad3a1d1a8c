from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.conditions import (
    ConditionError,
    check_condition,
    evaluate_condition,
    run_when,
)

WORDS = st.sampled_from(
    ["environment", "version", "tags", "failed", '"a"', "'v1'", "==", "!=", "in", "not", "and",
     "or", "(", ")", "[", "]", ",", "matches", "like", "always", "\\", "#", "lambda", "1"]
)  # fmt: skip


def holds(expression: str, *, failed: bool = False) -> bool:
    return evaluate_condition(
        expression,
        environment="production",
        version="v2.1.0",
        tags=["hotfix", "signed"],
        failed=failed,
    )


@pytest.mark.parametrize(
    ("keyword", "after_success", "after_failure"),
    [("always", True, True), ("success", True, False), ("failure", False, True)],
)
def test_the_three_words_say_what_they_say(
    keyword: str, after_success: bool, after_failure: bool
) -> None:
    assert holds(keyword) is after_success
    assert holds(f" {keyword} ", failed=True) is after_failure
    assert run_when(keyword, environment="", version="") == keyword


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('environment == "production"', True),
        ("environment != 'production'", False),
        ('"production" == environment', True),
        (r'version matches "v2\..*"', True),
        ('version matches "v2"', False),
        ('version like "v2.*"', True),
        ('matches(version, "v1.*")', False),
        ('like(environment, "prod*") and "hotfix" in tags', True),
        ('"hotfix" not in tags', False),
        ('not "hotfix" in tags', False),
        ('not not "hotfix" in tags', True),
        ('environment in ("staging", "production")', True),
        ('environment not in ["staging"]', True),
        ('environment == "a" or environment == "b" or version like "v*"', True),
        ('environment == "a" and version like "v*" or "signed" in tags', True),
        ('environment == "a" and (version like "v*" or "signed" in tags)', False),
        ("version in tags", False),
        ('"(" != ")" and "and" == "and"', True),
        ("failed", False),
        ("not failed", True),
    ],
)
def test_expressions_compare_environment_version_and_tags(expression: str, expected: bool) -> None:
    check_condition(expression)

    assert holds(expression) is expected


def test_an_expression_holds_after_a_failure_only_if_it_speaks_of_it() -> None:
    assert not holds('environment == "production"', failed=True)
    assert holds('environment == "production" and failed', failed=True)
    assert holds('failed or "hotfix" in tags', failed=True)
    assert not holds("not failed", failed=True)


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ('environment == "production"', "success"),
        ('environment == "staging"', None),
        ('failed and environment == "production"', "failure"),
        ('failed or version like "v2*"', "always"),
        ('failed and version like "v1*"', None),
        ("not failed", "success"),
    ],
)
def test_every_expression_comes_down_to_an_agents_word(expression: str, word: str | None) -> None:
    told = run_when(expression, environment="production", version="v2.1.0")

    assert told == word


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("", 1, "it ends"),
        ("version", 8, "Expected ==, !=, in, not in, matches or like, but it ends"),
        ("version ==", 11, "Expected environment, version or a text in quotes"),
        ('version == "x', 12, "no closing quote"),
        ('"a" in version', 8, "Expected tags or a list in brackets"),
        ('version in ("a"', 16, "Expected “\\)”"),
        ('tags == "a"', 1, "Expected environment, version or a text in quotes"),
        ('version == "a" version', 16, "Expected and, or, or the end"),
        ('version not == "a"', 13, "Expected “in”"),
        ('project == "a"', 1, "but “project” stands"),
        ('version matches "("', 17, "missing \\)"),
        ('version matches "(?=a)"', 17, "invalid perl operator"),
        ('__import__("os")', 1, "but “__import__” stands"),
        ("version.__class__ == 'a'", 8, "“.” is not expected"),
        ("version == 1", 12, "“1” is not expected"),
        ("lambda version", 1, "but “lambda” stands"),
        ("(" * 30 + "failed" + ")" * 30, 21, "nested too deeply"),
        ("not " * 100 + "failed", 81, "nested too deeply"),
        ("failed or " * 60 + "failed", 500, "at most 500 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_column(
    expression: str, column: int, message: str
) -> None:
    with pytest.raises(ConditionError, match=message) as refusal:
        check_condition(expression)

    assert refusal.value.column == column


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_a_condition_or_is_refused(expression: str) -> None:
    try:
        check_condition(expression)
    except ConditionError:
        return

    assert holds(expression) in (True, False)
    assert holds(expression, failed=True) in (True, False)
