"""Lists that are kept as their JSON, so that what is stored and answered is encoded only once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar, overload

T = TypeVar("T")


class Encoded(Sequence[T]):
    """A list given by its JSON, which is read only by who wants to see inside."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def values(self) -> list[T]:
        read: list[T] = json.loads(self.text)
        return read

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[T]:
        return iter(self.values)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> list[T]: ...

    def __getitem__(self, place: int | slice) -> T | list[T]:
        return self.values[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.values == list(other)

    def __hash__(self) -> int:
        return hash(self.text)
