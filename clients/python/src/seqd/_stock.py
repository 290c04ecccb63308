"""Ids fetched ahead, for sequences of weak ids."""

from __future__ import annotations

import threading

from ._options import Mode
from .errors import BadRequestError

# How long a span should last, in seconds: long enough to bridge the restart of a
# worker or a server, and no longer, as what a program has in stock when it ends
# is a gap.
SPAN_TIME = 1.0
MAX_SPAN_TIME = 4 * SPAN_TIME


class Span:
    """A range in stock, of which calls take ids. Safe for use by many threads."""

    def __init__(self, ids: range) -> None:
        self._lock = threading.Lock()
        self._next = ids.start
        self._stop = ids.stop

    def take(self, n: int) -> int | None:
        """Take n ids, and return the first. Where there are fewer, the rest is given up.

        For later calls must not get lower ids than this one is going to.
        """
        with self._lock:
            first = self._next
            if first + n > self._stop:
                self._next = self._stop
                return None
            self._next = first + n
        return first


class Stock:
    """One span that is being spent, and the next.

    The next one is asked for when the other begins to be spent, so that there is
    as long to fetch it as the other lasts. Spans are spent in the order in which
    they were fetched. Used by the event loop, but for spending.take.
    """

    def __init__(self, most: int) -> None:
        self.spending = Span(range(0))
        self._most = most // 2  # ids of a span
        self._size = 0  # ids of the span to ask for
        self._wanted = 0  # ids to ask for with the next request
        self._next: Span | None = None  # None: not there yet
        self._since = 0.0  # when _wanted was last set

    def take(self, n: int, now: float) -> tuple[int | None, bool]:
        """Take n ids, beginning to spend the next span if that helps, and return the first.

        Also returns whether a request for the next span is due. Where there is no
        stock, the next request, which the call makes, is for some, too.
        """
        began = False
        while (first := self.spending.take(n)) is None:
            if self._next is None:
                if not self._wanted:
                    self._want(now)
                return None, began
            self.spending, self._next = self._next, None
            self._want(now)
            began = True
        return first, began

    def _want(self, now: float) -> None:
        """Ask for the next span, of a size that follows how long the one before it lasted."""
        lasted = now - self._since
        if self._size == 0:
            self._size = 1  # a key used once must not burn many ids
        elif lasted < SPAN_TIME:
            self._size = min(2 * self._size, self._most)
        elif lasted > MAX_SPAN_TIME:
            self._size = max(self._size // 2, 1)
        self._wanted, self._since = self._size, now

    def wanted(self) -> int:
        """Return how many ids the request that is sent now should bring for the stock."""
        if self._next is not None:
            return 0
        n, self._wanted = self._wanted, 0
        return n

    def put(self, ids: range) -> None:
        """Add ids that no call wants."""
        self._next = Span(ids)

    def clear(self) -> None:
        """Give up what is in stock."""
        self._next, self._wanted = None, 0
        self.spending = Span(range(0))


def make_stock(prefetch: int, mode: Mode) -> Stock | None:
    """Return a stock of prefetch ids at most; None if that is 0."""
    if not isinstance(prefetch, int) or isinstance(prefetch, bool) or prefetch < 0 or prefetch == 1:
        raise BadRequestError(f"prefetch must be 0 or at least 2, not {prefetch!r:.40}")
    if prefetch and mode == "strong":
        raise BadRequestError("prefetch is for weak: ids fetched ahead would break the order that strong promises")
    return Stock(prefetch) if prefetch else None
