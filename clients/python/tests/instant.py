"""Time that passes at once, and a worker without sockets for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

import seqd
from seqd._options import Options
from seqd._wire import MAX_ID


class InstantLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is to be done."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: InstantLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing is going to happen"
            self._loop.advance(timeout)
        return ready


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


class Source:
    """Stands for the worker of a sequence. It draws from one counter."""

    def __init__(
        self,
        way: float = 0.001,
        *,
        last: int = 0,
        end: int = MAX_ID,
        max_count: int = 0,
        refuse: Callable[[int], seqd.Error | None] = lambda num: None,
    ) -> None:
        self.way = way  # seconds of a request, and of an answer
        self.last = last
        self.end = end  # the key's last id
        self.max_count = max_count  # 0: no limit
        self.refuse = refuse
        self.asks: list[int] = []  # n of each request
        self.left = 0  # requests that were given up

    async def ask(self, n: int, deadline: float) -> range:
        self.asks.append(n)
        num = len(self.asks)
        await self.travel(deadline)
        if (error := self.refuse(num)) is not None:
            raise error
        ids = self.draw(n)
        await self.travel(deadline)
        return ids

    async def travel(self, deadline: float) -> None:
        try:
            if now() + self.way > deadline:
                await asyncio.sleep(deadline - now())
                raise seqd.TimeoutError("no answer")
            await asyncio.sleep(self.way)
        except asyncio.CancelledError:
            self.left += 1
            raise

    def draw(self, n: int) -> range:
        if self.max_count and n > self.max_count:
            raise seqd.BadRequestError("too many")
        if self.last > self.end - n:
            raise seqd.ExhaustedError("none left")
        self.last += n
        return range(self.last - n + 1, self.last + 1)

    def sequence(self, prefetch: int = 0, **options: Any) -> seqd.AsyncSequence:
        return seqd.AsyncSequence(self.ask, Options(**options), "orders", "invoice", prefetch)
