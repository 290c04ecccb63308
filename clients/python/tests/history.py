"""Checks a history of calls against what seqd promises."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import seqd


@dataclass(frozen=True)
class Op:
    """A call that got its ids. Times are in ns on one monotonic clock."""

    start: int
    end: int
    ids: seqd.Range
    strong: bool = False


def check_unique(ops: list[Op]) -> None:
    """Fail if two ops share an id."""
    ordered = sorted(ops, key=lambda op: op.ids.start)
    for a, b in itertools.pairwise(ordered):
        assert a.ids.last < b.ids.start, f"{a} and {b} share ids"


def check_strong(ops: list[Op]) -> None:
    """Fail if a strong op began after another op ended, and has a lower id."""
    ended = sorted(ops, key=lambda op: op.end)
    greatest, op_of, at = 0, None, 0
    for op in sorted(ops, key=lambda op: op.start):
        while at < len(ended) and ended[at].end < op.start:
            if ended[at].ids.last > greatest:
                greatest, op_of = ended[at].ids.last, ended[at]
            at += 1
        if op.strong:
            assert op.ids.start > greatest, f"{op} began after {op_of} had ended"


def check(ops: list[Op]) -> None:
    """Fail if a promise is broken."""
    check_unique(ops)
    check_strong(ops)
