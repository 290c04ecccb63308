"""Calls that share a request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .errors import Error

Outcome = range | Error


@dataclass(eq=False, slots=True)
class Call:
    """One call for n ids, and the batch that it is in."""

    n: int
    outcome: asyncio.Future[Outcome]
    batch: Batch


class Batch:
    """The calls that share one request, in the order in which they came.

    A call that gives up before the request is sent leaves nothing behind; later,
    its ids are a gap.
    """

    def __init__(self, deadline: float, open_until: float = 0.0) -> None:
        self.deadline = deadline  # when the time of its calls is up, on the loop's clock
        self.open_until = open_until  # when it has gathered long enough
        self.n = 0  # ids its calls want
        self.stocks = False  # its request is for the stock, too
        self._calls: dict[Call, None] = {}
        self._closed = False
        self._left = 0  # calls that gave up after it was closed

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def abandoned(self) -> bool:
        """Whether there is nobody for its ids, nor a stock."""
        return len(self._calls) == self._left and not self.stocks

    def join(self, call: Call) -> None:
        """Add a call."""
        call.batch = self
        self._calls[call] = None
        self.n += call.n

    def leave(self, call: Call) -> None:
        """Take out a call that gave up."""
        if self._closed:
            self._left += 1
        else:
            del self._calls[call]
            self.n -= call.n

    def close(self) -> None:
        """Let nobody in or out: the request is about to be sent."""
        self._closed = True

    def finish(self, ids: range) -> range:
        """Give each call its ids, and return the rest."""
        self._closed = True
        at = 0
        for call in self._calls:
            _settle(call, ids[at : at + call.n])
            at += call.n
        return ids[at:]

    def fail(self, error: Error) -> None:
        """Give each call the error."""
        self._closed = True
        for call in self._calls:
            _settle(call, error)

    def split(self, most: int, ids: range) -> list[Batch]:
        """Return batches, of at most that many ids or of one call, for the calls that wait.

        ids, one id, is for the first call that wants no more.
        """
        batches: list[Batch] = []
        for call in self._calls:
            if call.outcome.done():
                continue
            if call.n == 1 and ids:
                _settle(call, ids)
                ids = ids[1:]
                continue
            if not batches or batches[-1].n + call.n > most:
                batches.append(Batch(self.deadline))
            batches[-1].join(call)
        return batches


def _settle(call: Call, outcome: Outcome) -> None:
    if not call.outcome.done():  # else it gave up: its ids are a gap
        call.outcome.set_result(outcome)
