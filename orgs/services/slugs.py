"""Addresses made from names."""

from __future__ import annotations

from collections.abc import Container

from django.utils.text import slugify

# Six characters of the 60 are left for a number.
LONGEST_STEM = 54


def stem_of(name: str, *, fallback: str) -> str:
    """The address `name` would like; names in scripts without plain letters get the fallback."""
    return slugify(name)[:LONGEST_STEM].strip("-_") or fallback


def free_slug(name: str, *, taken: Container[str], fallback: str) -> str:
    """An address for `name` that is not `taken`: `northwind`, then `northwind-2` and so on."""
    stem = stem_of(name, fallback=fallback)
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
