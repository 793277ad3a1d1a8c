r"""When a step runs: `always`, `success`, `failure`, or an expression. Pure.

An expression compares `environment`, `version` and `tags` with texts in quotes:

    environment == "production" and version matches "v2\..*" and not "hotfix" in tags

`==` and `!=` compare, `in` asks `tags` or a list `("staging", "production")`, `matches` is RE2
over the whole text, `like` a wildcard (`v1.*`); both may be written as `matches(version, "…")`.
`failed` is whether an earlier step has failed; unless the expression speaks of it, it holds only
as long as none has. Between quotes every character stands for itself, so patterns need no
doubled backslashes. Nothing is executed: this grammar is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from projects.matching import BadPattern, Strategy, compile_pattern

MAX_CHARACTERS = 500
MAX_DEPTH = 20

RunWhen = Literal["always", "success", "failure"]
KEYWORDS = ("always", "success", "failure")
PATTERNS = {"matches": Strategy.REGEX, "like": Strategy.WILDCARD}
LISTS = {"(": ")", "[": "]"}
TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<sign>==|!=|[()\[\],])|(?P<word>[A-Za-z_]+)|(?P<end>$))"""
)


class ConditionError(ValueError):
    """The condition cannot be understood; `column`, counted from 1, is where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column}).")
        self.message = message
        self.column = column


class Token(NamedTuple):
    kind: str
    text: str
    column: int


@dataclass(frozen=True)
class Facts:
    """What a condition may ask about."""

    environment: str = ""
    version: str = ""
    tags: frozenset[str] = frozenset()
    failed: bool = False


def check_condition(expression: str) -> None:
    """Refuse with ConditionError what could fail when a deployment needs it.

    Reading looks at both sides of every `and` and `or`, so nothing is left to be found out later.
    """
    if expression.strip() not in KEYWORDS:
        Reading(expression, Facts()).truth()


def evaluate_condition(
    expression: str,
    *,
    environment: str,
    version: str,
    tags: Sequence[str] = (),
    failed: bool = False,
) -> bool:
    """Whether a step with this condition runs, given whether an earlier step has failed."""
    keyword = expression.strip()
    if keyword in KEYWORDS:
        return keyword == "always" or failed == (keyword == "failure")
    reading = Reading(expression, Facts(environment, version, frozenset(tags), failed))
    return reading.truth() and (not failed or reading.speaks_of_failure)


def run_when(
    expression: str, *, environment: str, version: str, tags: Sequence[str] = ()
) -> RunWhen | None:
    """The condition in an agent's three words; None when the step never runs here.

    Everything but `failed` is known when a deployment is requested, so an agent never
    has to evaluate anything.
    """
    on_success, on_failure = (
        evaluate_condition(
            expression, environment=environment, version=version, tags=tags, failed=failed
        )
        for failed in (False, True)
    )
    if on_success:
        return "always" if on_failure else "success"
    return "failure" if on_failure else None


def tokens_of(expression: str) -> list[Token]:
    if len(expression) > MAX_CHARACTERS:
        raise ConditionError(f"A condition has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    tokens: list[Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        found = TOKEN.match(expression, position)
        if found is None:
            blanks = len(expression[position:]) - len(expression[position:].lstrip())
            raise misread(expression, position + blanks)
        kind = found.lastgroup or "end"
        tokens.append(Token(kind, found[kind], found.start(kind) + 1))
        position = found.end()
    return tokens


def misread(expression: str, position: int) -> ConditionError:
    if expression[position] in "\"'":
        return ConditionError("The text has no closing quote", position + 1)
    return ConditionError(f"“{expression[position]}” is not expected", position + 1)


class Reading:
    """One pass over an expression: its grammar and its truth at once."""

    def __init__(self, expression: str, facts: Facts) -> None:
        self.facts = facts
        self.tokens = tokens_of(expression)
        self.next = 0
        self.depth = 0
        self.speaks_of_failure = False

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def truth(self) -> bool:
        value = self.either()
        if self.token.kind != "end":
            raise self.unexpected("and, or, or the end")
        return value

    def either(self) -> bool:
        value = self.both()
        while self.takes("or"):
            right = self.both()
            value = value or right
        return value

    def both(self) -> bool:
        value = self.negation()
        while self.takes("and"):
            right = self.negation()
            value = value and right
        return value

    def negation(self) -> bool:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ConditionError("The condition is nested too deeply", self.token.column)
        value = not self.negation() if self.takes("not") else self.statement()
        self.depth -= 1
        return value

    def statement(self) -> bool:
        """One thing that is true or false."""
        if self.takes("("):
            value = self.either()
            self.expect(")")
            return value
        if self.takes("failed"):
            self.speaks_of_failure = True
            return self.facts.failed
        if self.token.text in PATTERNS:
            return self.call()
        return self.comparison()

    def call(self) -> bool:
        strategy = PATTERNS[self.take().text]
        self.expect("(")
        subject = self.text()
        self.expect(",")
        value = self.agrees(strategy, subject)
        self.expect(")")
        return value

    def comparison(self) -> bool:
        subject = self.text()
        if self.takes("=="):
            return subject == self.text()
        if self.takes("!="):
            return subject != self.text()
        if self.token.text in PATTERNS:
            return self.agrees(PATTERNS[self.take().text], subject)
        if self.takes("not"):
            self.expect("in")
            return subject not in self.collection()
        if self.takes("in"):
            return subject in self.collection()
        raise self.unexpected("==, !=, in, not in, matches or like")

    def agrees(self, strategy: Strategy, subject: str) -> bool:
        column = self.token.column
        pattern = self.text()
        try:
            return compile_pattern(strategy, pattern).matches(subject)
        except BadPattern as error:
            raise ConditionError(f"The pattern cannot be used: {error.message}", column) from error

    def text(self) -> str:
        if self.token.kind == "text":
            return self.take().text[1:-1]
        if self.takes("environment"):
            return self.facts.environment
        if self.takes("version"):
            return self.facts.version
        raise self.unexpected("environment, version or a text in quotes")

    def collection(self) -> frozenset[str]:
        if self.takes("tags"):
            return self.facts.tags
        closing = LISTS.get(self.token.text)
        if closing is None or self.token.kind != "sign":
            raise self.unexpected("tags or a list in brackets")
        self.take()
        members = [self.text()]
        while self.takes(","):
            members.append(self.text())
        self.expect(closing)
        return frozenset(members)

    def take(self) -> Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def takes(self, text: str) -> bool:
        """Take the next token if it is this word or sign; a text in quotes never is."""
        if self.token.text != text:
            return False
        self.next += 1
        return True

    def expect(self, text: str) -> None:
        if not self.takes(text):
            raise self.unexpected(f"“{text}”")

    def unexpected(self, wanted: str) -> ConditionError:
        found = f"“{self.token.text}” stands" if self.token.kind != "end" else "it ends"
        return ConditionError(f"Expected {wanted}, but {found}", self.token.column)
