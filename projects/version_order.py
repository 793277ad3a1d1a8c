"""Which of two versions is newer by its name, as Semantic Versioning 2.0 says.

Pure: names only. Where a name is not semantic, the caller falls back to the time of creation.
"""

from __future__ import annotations

import re

MAX_NAME_CHARACTERS = 256

Identifier = tuple[int, int, str]
VersionKey = tuple[int, int, int, bool, tuple[Identifier, ...]]

NUMBER = r"(0|[1-9][0-9]*)"
IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMANTIC = re.compile(
    rf"[vV]?{NUMBER}\.{NUMBER}(?:\.{NUMBER})?"
    rf"(?:-({IDENTIFIER}(?:\.{IDENTIFIER})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def version_key(name: str) -> VersionKey | None:
    """What sorts semantic versions from old to new; None for any other name.

    A leading `v` is tolerated, and a missing patch number is 0: `v1.4` is 1.4.0. One number
    alone is no version, because an abbreviated commit may be all digits. What follows `+`
    counts for nothing.
    """
    if len(name) > MAX_NAME_CHARACTERS or not (found := SEMANTIC.fullmatch(name)):
        return None
    major, minor, patch, prerelease = found.groups()
    identifiers = tuple(identifier_key(part) for part in (prerelease or "").split(".") if part)
    # A release is newer than its own prereleases.
    return (int(major), int(minor), int(patch or 0), prerelease is None, identifiers)


def identifier_key(identifier: str) -> Identifier:
    """Numbers sort as numbers, and before words."""
    if identifier.isdecimal():
        return (0, int(identifier), "")
    return (1, 0, identifier)


def is_newer(name: str, other: str) -> bool | None:
    """Whether `name` is a newer version than `other`; None when their names cannot tell."""
    mine, theirs = version_key(name), version_key(other)
    if mine is None or theirs is None:
        return None
    return mine > theirs
