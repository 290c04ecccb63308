"""Calls that share a request."""

from __future__ import annotations

from typing import Protocol

from .errors import Error

Outcome = int | Error
"""The first of a call's ids, which lie without holes, or why it got none."""


class Waiter(Protocol):
    """Whoever waits for a call's outcome: an asyncio.Future of it, or what stands for a thread."""

    def done(self) -> bool:
        """Whether there is an outcome, or nobody waits for it any more."""

    def set_result(self, outcome: Outcome, /) -> None:
        """Give the outcome. Called once at most, by the event loop."""


class Batch:
    """The calls that share one request, in the order in which they came.

    A call that gives up before the request is sent leaves nothing behind; later,
    its ids are a gap.
    """

    __slots__ = ("_closed", "_left", "calls", "deadline", "full", "n", "stocks")

    def __init__(self, deadline: float, *, full: bool = True) -> None:
        self.deadline = deadline  # when the time of its calls is up, on the loop's clock
        self.full = full  # it has gathered long enough
        self.n = 0  # ids its calls want
        self.stocks = False  # its request is for the stock, too
        self.calls: dict[Waiter, int] = {}  # how many ids each wants
        self._closed = False
        self._left = 0  # calls that gave up after it was closed

    def __len__(self) -> int:
        return len(self.calls)

    def __contains__(self, call: Waiter) -> bool:
        return call in self.calls

    @property
    def abandoned(self) -> bool:
        """Whether there is nobody for its ids, nor a stock."""
        return len(self.calls) == self._left and not self.stocks

    def join(self, call: Waiter, n: int) -> None:
        """Add a call for n ids."""
        self.calls[call] = n
        self.n += n

    def leave(self, call: Waiter) -> None:
        """Take out a call that gave up."""
        if self._closed:
            self._left += 1
        else:
            self.n -= self.calls.pop(call)

    def close(self) -> None:
        """Let nobody in or out: the request is about to be sent."""
        self._closed = True

    def finish(self, ids: range) -> range:
        """Give each call its ids, and return the rest."""
        self._closed = True
        first = ids.start
        for call, n in self.calls.items():
            if not call.done():  # else it gave up: its ids are a gap
                call.set_result(first)
            first += n
        return range(first, ids.stop)

    def fail(self, error: Error) -> None:
        """Give each call the error."""
        self._closed = True
        for call in self.calls:
            if not call.done():
                call.set_result(error)

    def split(self, most: int, ids: range) -> list[Batch]:
        """Return batches, of at most that many ids or of one call, for the calls that wait.

        ids, one id, is for the first call that wants no more.
        """
        batches: list[Batch] = []
        for call, n in self.calls.items():
            if call.done():
                continue
            if n == 1 and ids:
                call.set_result(ids.start)
                ids = ids[1:]
                continue
            if not batches or batches[-1].n + n > most:
                batches.append(Batch(self.deadline))
            batches[-1].join(call, n)
        return batches
