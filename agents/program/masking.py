"""Striking secrets out of a stream of bytes before it leaves this machine.

A secret is found as it is, in base64 (wherever it begins within the encoded bytes), URL-encoded
and JSON-escaped, also when it arrives in pieces. Time is linear in what passes: few patterns are
searched for one by one, which is what `bytes.find` is fastest at; for many, all aligned words of
four or eight bytes are first looked up in one set, and only patterns whose words occur searched.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Iterator

from agents.protocol import SECRET_MIN_LENGTH

MASK = b"***"

_FEW_PATTERNS = 40
_LINE_MIN_LENGTH = 12
_BASE64_LINE = 76  # where `base64` and MIME break lines
_KEY_LENGTH = 32  # prefixes up to this length are looked up; longer ones compared

# With n foreign bytes before it in its group of three, so many characters are not its own.
_FOREIGN_CHARACTERS = (0, 2, 3)


class Masker:
    """Replaces every occurrence of a secret by `***`. One instance per stream.

    `feed` gives back what is certain; an end that may be the beginning of a secret is held back.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        patterns = sorted(set(_patterns(secrets)))
        self._beginnings = _beginnings(patterns)
        self._longest = max(map(len, patterns), default=0)
        self._search = _Search(patterns)
        self._held = b""
        self._covered = 0  # so many of the held bytes belong to a secret already replaced

    def feed(self, chunk: bytes) -> bytes:
        """The masked form of what can be decided after `chunk`."""
        if not self._longest:
            return chunk
        stream = self._held + chunk if self._held else chunk
        end = self._possible_beginning(stream)
        masked, covered_to = self._replace(stream, end)
        self._covered = max(0, covered_to - end)
        self._held = stream[end:]
        return masked

    def flush(self) -> bytes:
        """What was held back: nothing more will come that could make it a secret."""
        masked, _ = self._replace(self._held, len(self._held))
        self._held, self._covered = b"", 0
        return masked

    def _replace(self, stream: bytes, end: int) -> tuple[bytes, int]:
        """`stream[:end]` with the secrets replaced, and where the last of them ends."""
        parts = []
        position = self._covered
        for start, stop in self._search.find(stream):
            if start >= end:
                break
            if start < position:  # it overlaps with the one before: one mask for both
                position = max(position, stop)
                continue
            parts.append(stream[position:start])
            parts.append(MASK)
            position = stop
        if not parts and not position:
            return (stream if end == len(stream) else stream[:end]), 0
        parts.append(stream[position:end])
        return b"".join(parts), position

    def _possible_beginning(self, stream: bytes) -> int:
        """Where the longest end of `stream` starts that may be the beginning of a secret."""
        beginnings = self._beginnings
        for start in range(max(0, len(stream) - self._longest + 1), len(stream)):
            patterns = beginnings.get(stream[start : start + _KEY_LENGTH])
            if patterns is None:
                continue
            end = stream[start:]
            if len(end) < _KEY_LENGTH or any(
                len(pattern) > len(end) and pattern.startswith(end) for pattern in patterns
            ):
                return start
        return len(stream)


class _Search:
    """Finds all occurrences of many patterns."""

    def __init__(self, patterns: list[bytes]) -> None:
        self._longer = _by_beginning(patterns)
        shortest = list(self._longer)
        self._periods = {pattern: _period(pattern) for pattern in shortest}
        self._always = shortest
        self._by_word: dict[int, set[bytes]] = defaultdict(set)
        self._word = 4
        if len(shortest) > _FEW_PATTERNS:
            self._sieve(shortest)
        self._present = frozenset(self._by_word)

    def _sieve(self, patterns: list[bytes]) -> None:
        """Note the words of all patterns that hold an aligned word wherever they begin."""
        short = [pattern for pattern in patterns if len(pattern) < 2 * self._word - 1]
        sieved = [pattern for pattern in patterns if len(pattern) >= 2 * self._word - 1]
        if min(map(len, sieved), default=0) >= 2 * 8 - 1:
            self._word = 8  # twice as fast
        self._always = short
        for pattern in sieved:
            for offset in range(self._word):
                word = self._words_of(memoryview(pattern[offset : offset + self._word]))
                self._by_word[word[0]].add(pattern)

    def find(self, stream: bytes) -> list[tuple[int, int]]:
        """Start and end of all that occurs, the longest at each start, by start; may overlap."""
        patterns = self._candidates(stream)
        found = [span for pattern in patterns for span in self._spans(pattern, stream)]
        found.sort()
        return found

    def _candidates(self, stream: bytes) -> Iterable[bytes]:
        if not self._by_word:
            return self._always
        whole = len(stream) - len(stream) % self._word
        present = self._present.intersection(self._words_of(memoryview(stream)[:whole]))
        if not present:
            return self._always
        return set(self._always).union(*(self._by_word[word] for word in present))

    def _words_of(self, view: memoryview) -> memoryview:
        return view.cast("Q") if self._word == 8 else view.cast("I")

    def _spans(self, pattern: bytes, stream: bytes) -> Iterator[tuple[int, int]]:
        start = stream.find(pattern)
        while start >= 0:
            found = next((p for p in self._longer[pattern] if stream.startswith(p, start)), pattern)
            yield start, start + len(found)
            # No other occurrence can begin before that.
            start = stream.find(pattern, start + self._periods[pattern])


def _by_beginning(patterns: list[bytes]) -> dict[bytes, list[bytes]]:
    """The patterns that begin with no other one, each with those that do begin with it, longest
    first: only where it occurs can they.
    """
    longer: dict[bytes, list[bytes]] = {}
    shortest = None
    for pattern in sorted(patterns):
        if shortest is not None and pattern.startswith(shortest):
            longer[shortest].append(pattern)
        else:
            shortest = pattern
            longer[pattern] = []
    return {start: sorted(those, key=len, reverse=True) for start, those in longer.items()}


def _period(pattern: bytes) -> int:
    """The smallest distance at which `pattern` can overlap with itself."""
    return next(
        distance
        for distance in range(1, len(pattern) + 1)
        if pattern.startswith(pattern[distance:])
    )


def _beginnings(patterns: list[bytes]) -> dict[bytes, list[bytes]]:
    """By each proper beginning, cut to the length of a key, the patterns that begin so."""
    beginnings: dict[bytes, list[bytes]] = defaultdict(list)
    for pattern in patterns:
        for length in range(1, min(len(pattern) - 1, _KEY_LENGTH) + 1):
            beginnings[pattern[:length]].append(pattern)
    return dict(beginnings)


def _patterns(secrets: Iterable[str]) -> Iterator[bytes]:
    """Every form in which a secret is looked for."""
    for secret in secrets:
        for text in (secret, *_lines(secret)):
            # A lone surrogate cannot be printed by anyone, but must not end the job either.
            plain = text.encode("utf-8", "surrogatepass")
            if len(plain) >= SECRET_MIN_LENGTH:
                yield plain
                yield from _url_forms(plain)
                yield json.dumps(text)[1:-1].encode()
                yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
                yield from _base64_forms(plain)


def _lines(secret: str) -> list[str]:
    """A key of several lines is also printed line by line, perhaps indented."""
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if len(line) >= _LINE_MIN_LENGTH] if len(lines) > 1 else []


def _url_forms(plain: bytes) -> Iterator[bytes]:
    for safe in ("", "/"):
        quoted = urllib.parse.quote(plain, safe=safe)
        for form in (quoted, quoted.replace("%20", "+")):
            yield form.encode()
            yield _lower_escapes(form).encode()


def _lower_escapes(quoted: str) -> str:
    first, *rest = quoted.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _base64_forms(plain: bytes) -> Iterator[bytes]:
    """The characters that depend on `plain` alone, for each place it can have in a group of three.

    Where nothing follows, these are its last one and the padding too. Encoded on its own and long,
    it is broken into lines; each line is a form of its own.
    """
    for foreign, characters in enumerate(_FOREIGN_CHARACTERS):
        last = base64.b64encode(b"\0" * foreign + plain)[characters:]
        own = last[: (foreign + len(plain)) * 8 // 6 - characters]
        for form in (own, last.rstrip(b"="), last):
            yield form
            yield form.translate(bytes.maketrans(b"+/", b"-_"))
            if foreign == 0 and len(form) > _BASE64_LINE:
                yield from _base64_lines(form)


def _base64_lines(form: bytes) -> Iterator[bytes]:
    for start in range(0, len(form), _BASE64_LINE):
        line = form[start : start + _BASE64_LINE]
        if len(line) >= _LINE_MIN_LENGTH:
            yield line
