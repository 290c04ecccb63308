"""What a call brings."""

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


_set_start, _set_length = Range.__dict__["start"].__set__, Range.__dict__["length"].__set__


def ids_from(start: int, length: int) -> Range:
    """Return Range(start, length), in half the time: what is frozen is filled slowly."""
    ids = Range.__new__(Range)
    _set_start(ids, start)
    _set_length(ids, length)
    return ids


@dataclass(frozen=True, slots=True)
class Numbers:
    """Ids without holes, and how people are to read them.

    Whether a key has numbers, and what they look like, is its store's
    configuration. Where it has none, numbers is empty and period is "". As text it
    reads as the numbers do, with a space between two, and as the ids where there
    are none.
    """

    ids: Range
    """The ids, which count within the period."""
    period: str = ""
    """The period that the ids count in, such as "2026-11"; "" where the key counts in none."""
    numbers: tuple[str, ...] = ()
    """The numbers as they are to be printed, one for each id, in the order of the ids."""
    replayed: bool = False
    """Whether the answer is a repeat: a request with the same idempotency key had
    got it before, in an earlier call or in an attempt of this one that heard
    nothing."""

    def __str__(self) -> str:
        return " ".join(self.numbers) or str(self.ids)
