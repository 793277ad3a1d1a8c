"""Lists that know their own JSON, so that what is stored and answered is encoded only once."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Encoded(list[T]):
    """A list beside its JSON; nobody changes it any more."""

    text: str

    @classmethod
    def of(cls, values: list[T], text: str) -> Encoded[T]:
        made = cls(values)
        made.text = text
        return made
