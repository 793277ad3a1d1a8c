"""Which rules a version's name and tags satisfy. RE2 only: no pattern can hang a worker.

Pure: no database, no Django. The order of versions is in `projects.version_order`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Generic, Protocol, TypeVar

import re2

MAX_PATTERN_CHARACTERS = 500
MAX_SUBJECT_CHARACTERS = 256
MAX_PATTERN_MEMORY = 1 << 20
SET_MEMORY_PER_PATTERN = 1 << 14
PATTERNS_PER_SET = 1000
ANYTHING = "(?s:.*)"
MOVING_NAMES = "main|master|trunk|develop|latest|nightly|edge"

# Letters and digits of all scripts; those that count as letters and show nothing are none.
VERSION_NAME = re.compile(r"[\w.+@#=,!%][\w.+@#=,!%~/-]{0,127}")
BLANK_LETTERS = re.compile("[\u115f\u1160\u3164\uffa0]")

HINTS = (
    (re.compile(r"\(\?(<?[=!]|>|#|\()"), "Look-around and conditions are not available."),
    (re.compile(r"\\[1-9]|\(\?P="), "Back-references are not available."),
    (re.compile(r"invalid repetition size"), "Repeat at most 1000 times in all."),
    (re.compile(r"[*+?}][*+]|^no argument"), "Write \\* for a literal star, .* for anything."),
    (re.compile(r"\\Z"), "The whole name has to match anyway: leave \\Z out."),
    (re.compile(r"missing [\])]|unexpected \)"), "Each bracket needs its counterpart."),
)
COMMON_HINT = "Patterns are RE2: github.com/google/re2/wiki/Syntax"


class BadPattern(ValueError):
    """The pattern cannot be used; `message` is the engine's own, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = COMMON_HINT) -> None:
        super().__init__(f"{message}. {hint}")
        self.message = message
        self.hint = hint


class Strategy(StrEnum):
    REGEX = "regex"
    EXACT = "exact"
    WILDCARD = "wildcard"
    TAG = "tag"
    LATEST = "latest"


class Compiled(Protocol):
    def fullmatch(self, text: str, /) -> object | None: ...


class CompiledSet(Protocol):
    def Add(self, pattern: str, /) -> int: ...  # noqa: N802 (RE2's own name)

    def Compile(self) -> None: ...  # noqa: N802

    def Match(self, text: str, /) -> Sequence[int] | None: ...  # noqa: N802


def engine_options(max_memory: int) -> re2.Options:
    options = re2.Options()
    options.max_mem = max_memory
    options.log_errors = False
    options.never_capture = True
    return options


@lru_cache(maxsize=1024)
def compile_regex(regex: str) -> Compiled:
    """`regex` in RE2's hands; BadPattern with the engine's message when it refuses."""
    try:
        compiled: Compiled = re2.compile(regex, engine_options(MAX_PATTERN_MEMORY))
    except re2.error as error:
        raise bad_pattern(error) from error
    return compiled


def require_size(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise BadPattern(
            f"the pattern has {len(pattern)} characters",
            f"At most {MAX_PATTERN_CHARACTERS} are allowed; use several rules.",
        )
    if re.search(r"[\x00\ud800-\udfff]", pattern):
        raise BadPattern("the pattern holds a character that no name can have", "Remove it.")


def bad_pattern(error: Exception) -> BadPattern:
    said = error.args[0] if error.args else ""
    message = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    hint = next((hint for symptom, hint in HINTS if symptom.search(message)), COMMON_HINT)
    return BadPattern(message, hint)


def wildcard_regex(pattern: str) -> str:
    """The regular expression of a wildcard: `*` is any run of characters, `?` one."""
    parts = re.split(r"(\*+|\?)", pattern)
    return "".join(
        {"*": ANYTHING, "?": "(?s:.)"}.get(part[:1]) or re.escape(part) for part in parts if part
    )


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


@dataclass(frozen=True)
class Matcher:
    """One rule's condition, ready to be asked.

    Whether a version is the latest stands in no name: a `latest` rule agrees unless the caller
    knows better and says `is_latest=False`.
    """

    strategy: Strategy
    pattern: str
    compiled: Compiled | None = field(default=None, compare=False, repr=False)

    def matches(self, name: str, tags: Iterable[str] = (), *, is_latest: bool = True) -> bool:
        if self.strategy is Strategy.LATEST:
            return is_latest
        if self.strategy is Strategy.TAG:
            return any(self.agrees(tag) for tag in tags)
        return self.agrees(name)

    def agrees(self, subject: str) -> bool:
        if len(subject) > MAX_SUBJECT_CHARACTERS:
            return False
        if self.compiled is None:
            return subject == self.pattern
        return self.compiled.fullmatch(subject) is not None


@lru_cache(maxsize=1024)
def compile_pattern(strategy: str, pattern: str) -> Matcher:
    """A rule's condition. BadPattern when the strategy or the pattern cannot be used.

    The whole name must match. An empty regular expression matches every name; the other
    strategies, `latest` apart, need a pattern.
    """
    kind = strategy_named(strategy)
    require_size(pattern)
    if kind is Strategy.LATEST:
        return Matcher(kind, pattern)
    if kind is Strategy.REGEX:
        return Matcher(kind, pattern, compile_regex(pattern or ANYTHING))
    if not pattern:
        raise BadPattern("the pattern is empty", "Only a regular expression may be empty.")
    if kind is not Strategy.EXACT and has_wildcard(pattern):
        return Matcher(kind, pattern, compile_regex(wildcard_regex(pattern)))
    return Matcher(kind, pattern)


def strategy_named(strategy: str) -> Strategy:
    try:
        return Strategy(strategy)
    except ValueError:
        known = ", ".join(Strategy)
        raise BadPattern(f"unknown strategy: {strategy}", f"Use one of {known}.") from None


def explain(
    matcher: Matcher, name: str, tags: Sequence[str] = (), *, is_latest: bool = True
) -> str:
    """Why the rule matches or does not, as a sentence for the simulator."""
    if matcher.matches(name, tags, is_latest=is_latest):
        return why_it_matches(matcher, name, tags)
    if matcher.strategy is Strategy.LATEST:
        return f"{name} is not the latest version of its application."
    if matcher.strategy is Strategy.TAG:
        has = f"It has {', '.join(tags)}." if tags else "It has no tags."
        return f"No tag of {name} matches {matcher.pattern}. {has}"
    if len(name) > MAX_SUBJECT_CHARACTERS:
        return f"The name is longer than {MAX_SUBJECT_CHARACTERS} characters."
    if matcher.strategy is Strategy.EXACT:
        return f"{name} is not exactly {matcher.pattern}."
    return f"{name} does not match {matcher.pattern}{how_far(matcher, name)}."


def why_it_matches(matcher: Matcher, name: str, tags: Sequence[str]) -> str:
    if matcher.strategy is Strategy.LATEST:
        return f"{name} is the latest version of its application."
    if matcher.strategy is Strategy.TAG:
        tag = next(tag for tag in tags if matcher.agrees(tag))
        return f"The tag {tag} matches {matcher.pattern}."
    if not matcher.pattern:
        return "An empty pattern matches every name."
    return f"{name} matches {matcher.pattern}."


def how_far(matcher: Matcher, name: str) -> str:
    """The longest beginning of `name` that the pattern accepts: where to look for the mistake."""
    if matcher.compiled is None:
        return ""
    beginnings = (name[:length] for length in range(len(name) - 1, 0, -1))
    accepted = next((part for part in beginnings if matcher.agrees(part)), "")
    if not accepted:
        return ""
    return f": the whole name has to match, and only “{accepted}” does"


def is_moving(name: str, pattern: str = MOVING_NAMES) -> bool:
    """Whether each version of this name is a new build, as for a branch."""
    return bool(pattern) and compile_pattern(Strategy.REGEX, pattern).matches(name)


def is_version_name(name: str) -> bool:
    """Whether a version may be called so: as branches and tags are, and as one word of a script.

    It needs no escaping in JSON, which `deployments.services.evaluations` relies on.
    """
    return (
        VERSION_NAME.fullmatch(name) is not None
        and BLANK_LETTERS.search(name) is None
        and not name.endswith("/")
        and not any(part in {"", ".", ".."} for part in name.split("/"))
    )


RuleId = TypeVar("RuleId", int, str)


class RuleSet(Generic[RuleId]):
    """Very many rules' conditions, all asked in one pass over a name.

    Equal patterns are asked once, exact names are looked up, everything else is one automaton
    per thousand patterns. A bad pattern is refused as `compile_pattern` does.
    """

    def __init__(self, rules: Iterable[tuple[RuleId, str, str]]) -> None:
        self.on_latest: set[RuleId] = set()
        self.on_name: PatternIndex[RuleId] = PatternIndex()
        self.on_tag: PatternIndex[RuleId] = PatternIndex()
        for rule_id, strategy, pattern in rules:
            self.add(rule_id, compile_pattern(strategy, pattern))
        self.on_name.build()
        self.on_tag.build()

    def add(self, rule_id: RuleId, matcher: Matcher) -> None:
        if matcher.strategy is Strategy.LATEST:
            self.on_latest.add(rule_id)
            return
        index = self.on_tag if matcher.strategy is Strategy.TAG else self.on_name
        index.add(rule_id, matcher)

    def matches(
        self, name: str, tags: Iterable[str] = (), *, is_latest: bool = True
    ) -> set[RuleId]:
        found = self.on_name.find(name)
        for tag in set(tags):
            found |= self.on_tag.find(tag)
        return found | self.on_latest if is_latest else found


class PatternIndex(Generic[RuleId]):
    """Rules by what they ask of one string."""

    def __init__(self) -> None:
        self.literal: dict[str, set[RuleId]] = {}
        self.always: set[RuleId] = set()
        self.by_regex: dict[str, set[RuleId]] = {}
        self.sets: list[Automaton] = []

    def add(self, rule_id: RuleId, matcher: Matcher) -> None:
        if matcher.compiled is None:
            self.literal.setdefault(matcher.pattern, set()).add(rule_id)
        elif not matcher.pattern:
            self.always.add(rule_id)
        else:
            is_regex = matcher.strategy is Strategy.REGEX
            regex = matcher.pattern if is_regex else wildcard_regex(matcher.pattern)
            self.by_regex.setdefault(regex, set()).add(rule_id)

    def build(self) -> None:
        regexes = iter(self.by_regex)
        while chunk := list(islice(regexes, PATTERNS_PER_SET)):
            self.sets.extend(automata(chunk))

    def find(self, subject: str) -> set[RuleId]:
        if len(subject) > MAX_SUBJECT_CHARACTERS:
            return set()
        found = self.always | self.literal.get(subject, set())
        for automaton in self.sets:
            for regex in automaton.find(subject):
                found |= self.by_regex[regex]
        return found


@dataclass(frozen=True)
class Automaton:
    """Some patterns as one machine, behind a pattern that always matches.

    RE2 answers “nothing” when its machine runs out of memory, too. The first pattern tells the
    two apart: if even that did not match, each pattern is asked by itself.
    """

    regexes: list[str]
    compiled: CompiledSet

    def find(self, subject: str) -> Iterator[str]:
        positions = self.compiled.Match(subject)
        if positions is None or 0 not in positions:
            yield from (regex for regex in self.regexes if compile_regex(regex).fullmatch(subject))
            return
        yield from (self.regexes[position - 1] for position in positions if position)


def automata(regexes: list[str]) -> Iterator[Automaton]:
    """One machine for all, or several where one does not fit its memory."""
    memory = MAX_PATTERN_MEMORY + SET_MEMORY_PER_PATTERN * len(regexes)
    together: CompiledSet = re2.Set.FullMatchSet(engine_options(memory))
    together.Add(ANYTHING)
    try:
        for regex in regexes:
            together.Add(regex)
        together.Compile()
    except re2.error:
        if len(regexes) == 1:
            raise
        middle = len(regexes) // 2
        yield from automata(regexes[:middle])
        yield from automata(regexes[middle:])
        return
    yield Automaton(regexes, together)
