"""What projects and applications may be called, and how a code is made from a name."""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus

from hydra.errors import Conflict, Invalid
from hydra.names import require_plain
from orgs.models import Organization
from orgs.services.slugs import free_slug

CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")
CODE_RULE = (
    "A code has 1 to 60 letters, digits, dots, dashes and underscores, "
    "and begins and ends with a letter or a digit."
)
# `new` is a page beside the objects' own, and an id must never be taken for a code.
RESERVED = re.compile(r"new|(?:prj|app)_[0-9A-Za-z]{20}")
LONGEST_NAME = 100


class CodeTaken(Conflict):
    """A code names one project, or one application, of an organization."""

    code = "code_taken"
    status = HTTPStatus.CONFLICT


def require_name(name: str, *, thing: str) -> str:
    """`name` as it is kept."""
    name = require_plain(name)
    if not name:
        raise Invalid.at("name", f"{thing} needs a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid.at("name", f"A name has at most {LONGEST_NAME} characters.")
    return name


def require_code(code: str) -> str:
    if not CODE.fullmatch(code) or RESERVED.fullmatch(code):
        fix = "Choose another word." if CODE.fullmatch(code) else "Write it like web-shop."
        message = f"“{code}” cannot be a code: it is reserved."
        raise Invalid.at("code", message if CODE.fullmatch(code) else CODE_RULE, fix)
    return code


def require_text(text: str, *, at: str, longest: int | None = None) -> str:
    """`text`, if a database and a file can hold it."""
    if "\x00" in text:
        raise Invalid.at(at, "It holds a NUL character, which no file or script can have.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid.at(at, "It holds half of a character (a lone surrogate).")
    if longest is not None and len(text) > longest:
        raise Invalid.at(at, f"It has {len(text):,} characters; {longest:,} are allowed.")
    return text


def suggest_code(name: str, *, taken: Collection[str], fallback: str) -> str:
    """The code `name` would like: `Web shop` is web-shop, or web-shop-2 where that is taken."""
    return free_slug(name, taken={*taken, "new"}, fallback=fallback)


def lock_org(org: Organization) -> None:
    """Let nobody else make or rename things of the organization until this transaction ends."""
    Organization.objects.select_for_update().only("pk").get(pk=org.pk)
