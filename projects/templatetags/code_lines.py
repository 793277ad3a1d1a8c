"""Colours for one line of a config file or a script, and the words for a delay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

LONGEST = 2000
JSON = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<str>"(?:[^"\\]|\\.)*")'
    r"|(?P<lit>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\b(?:true|false|null)\b)"
)
DOTENV = re.compile(
    r"(?P<muted>^\s*#.*$)|(?P<key>^\s*(?:export\s+)?[A-Za-z_][\w.-]*(?=\s*=))|(?P<str>(?<==).+$)"
)
XML = re.compile(
    r"(?P<muted><!--.*?(?:-->|$))|(?P<key></?[\w:.-]+|/?>)|(?P<str>\"[^\"]*\"|'[^']*')"
    r"|(?P<lit>(?<=\s)[\w:.-]+(?==))"
)
LANGUAGES = {"JSON": JSON, "DOTENV": DOTENV, "XML": XML}


@register.filter
def coloured(line: str, file_type: str) -> SafeString:
    """One line with its keys, texts and values marked. Very long lines are left plain."""
    pattern = LANGUAGES.get(file_type)
    if pattern is None or len(line) > LONGEST:
        return format_html("{}", line)
    return format_html_join("", "{}", ((piece,) for piece in pieces(line, pattern)))


def pieces(line: str, pattern: re.Pattern[str]) -> Iterator[SafeString | str]:
    end = 0
    for found in pattern.finditer(line):
        yield line[end : found.start()]
        yield format_html('<span class="{}">{}</span>', found.lastgroup, found[0])
        end = found.end()
    yield line[end:]


@register.filter
def minutes(amount: int) -> str:
    """A delay as people say it: 90 is 90 min, 120 is 2 h."""
    if amount and amount % 60 == 0:
        return f"{amount // 60} h"
    return f"{amount} min"
