"""What people may call things: characters that everybody sees, in the order they stand in.

A name stands in pages, mails, logs and terminals beside other text. One that turns the direction
of what follows, hides a part of itself or begins a new line could be taken for another name.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms

from hydra.errors import Invalid

# Control, format (direction, zero width, tags), half of a character, ends of lines and paragraphs.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# These count as letters, marks or symbols, and show nothing.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Control characters have no name of their own; these are the ones that people send by mistake.
KNOWN = {"\x00": "NUL", "\t": "a tab", "\n": "a line break", "\r": "a line break", "\x1b": "escape"}
FIX = "Type it anew instead of pasting it."


def objection(name: str) -> str:
    """What is wrong with the characters of a name, as a sentence; empty when nothing is."""
    found = next((character for character in name if is_unseen(character)), "")
    if not found:
        return ""
    return f"A name has visible characters and spaces only. Take out {described(found)}."


def is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN or character in BLANKS


def described(character: str) -> str:
    word = KNOWN.get(character) or unicodedata.name(character, "a control character").lower()
    return f"U+{ord(character):04X} ({word})"


def require_plain(name: str, *, at: str = "name") -> str:
    """`name` without blanks around it; Invalid when it holds what nobody sees."""
    name = name.strip()
    if message := objection(name):
        raise Invalid.at(at, message, FIX)
    return name


def made_plain(name: str) -> str:
    """A name that came from elsewhere, without what nobody sees: there is nobody to ask."""
    spaced = " ".join(name.split())
    return "".join(character for character in spaced if not is_unseen(character)).strip()


class NameField(forms.CharField):
    """A form's field for what something is called."""

    def to_python(self, value: Any) -> str:
        name: str = super().to_python(value) or ""
        if message := objection(name):
            raise forms.ValidationError(message)
        return name
