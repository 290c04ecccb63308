"""The ids that a call brings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range(Collection[int]):
    """Ids without holes: start, start + 1, … start + length - 1.

    A collection: it can be iterated over, has a len() and knows what is `in` it.
    As text it reads 7, or 7..16 for ten ids.
    """

    start: int
    length: int

    @property
    def last(self) -> int:
        """The highest id."""
        return self.start + self.length - 1

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.start + self.length))

    def __contains__(self, item: object) -> bool:
        return item in range(self.start, self.start + self.length)

    def __str__(self) -> str:
        return f"{self.start}..{self.last}" if self.length > 1 else str(self.start)
