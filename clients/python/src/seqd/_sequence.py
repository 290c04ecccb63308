"""The ids of one key for many tasks, which share requests."""

from __future__ import annotations

import asyncio
from collections import deque

from ._batch import Batch, Call
from ._options import Options
from ._range import Range
from ._retry import Ask, explained, retry
from ._stock import make_stock
from ._target import check_n
from .errors import BadRequestError, ClosedError, Error, ExhaustedError

# What bounds the ids of a request that is not one call's wish: what a store
# serves at once unless configured. A store that serves fewer says so.
MAX_TOGETHER = 100_000

# The part of a call's time for which a batch gathers at most, where the request
# before it takes that long. All calls of a batch have the same deadline, so a
# call's time may be shorter by that part.
GATHER_PART = 16

# What _send does to let the calls it has just served come again before it closes
# the next batch. Without that the first one back would get a request of its own,
# and all others would have to wait for it, time and again.
GATHER_PASSES = 4  # of the event loop that bring nobody
GATHER_TIME = 0.001  # seconds at most, while calls come


class AsyncSequence:
    """Hands out the ids of one key to many tasks, which share requests.

    One call's way: it joins the batch that gathers. A task, there is one while
    anybody waits, closes the batch as soon as the request before it is answered,
    sends one request for the ids of all its calls, and gives each its part.

    Why strong stays strict: a batch is closed before its request is sent, so the
    ids are drawn after all its calls began; and the request is for as many ids as
    its calls want, so nothing is left over to be kept for a later one. What a call
    would have got that did not wait for it is a gap. The exception is the stock,
    for weak only.

    Every call has exactly one outcome: ids that no other call gets, or an error.
    """

    def __init__(self, ask: Ask, options: Options, store: str, key: str, prefetch: int = 0) -> None:
        self._ask = ask
        self._options = options
        self._store = store
        self._key = key
        try:
            self._stock = make_stock(prefetch, options.mode)
        except BadRequestError as e:
            raise self._explained(e) from None
        self._batches: deque[Batch] = deque()  # that wait to be sent; the last one gathers
        self._sender: asyncio.Task[None] | None = None  # runs _send
        self._sent: Batch | None = None  # whose request is under way
        self._limit = MAX_TOGETHER  # ids of one request for several calls or for the stock
        self._crowd = 0  # calls that _send may hope for before it closes a batch
        self._closed = False

    async def next(self) -> int:
        """Return the next id; see next_n."""
        return (self._take(1) or await self._next_n(1)).start

    def _take(self, n: int) -> range | None:
        """Return the next n ids if they are at hand. May be called from any thread."""
        if self._stock is None or type(n) is not int or n < 1:
            return None
        return self._stock.spending.take(n)

    async def next_n(self, n: int) -> Range:
        """Return the next n ids, without holes.

        Waits until the ids are there or the timeout passes, and raises an
        seqd.Error as AsyncClient.next_n does, or ClosedError. A call that is
        cancelled returns at once; the other calls of its batch go on waiting.
        """
        ids = await self._next_n(n)
        return Range(ids.start, len(ids))

    async def _next_n(self, n: int) -> range:
        """Get n ids from the stock, or through a request."""
        check_n(n, self._store, self._key)
        if self._closed:
            raise self._explained(ClosedError("the sequence is closed", sent=False))
        if self._stock is not None:
            ids, due = self._stock.take(n, asyncio.get_running_loop().time())
            if due:
                self._start_sending()
            if ids is not None:
                return ids
        return await self._share(n)

    def close(self) -> None:
        """End the sequence: calls that wait and later ones raise ClosedError.

        What is left in stock is a gap. May be called twice. A sequence that is no
        longer used need not be closed: it holds nothing but memory.
        """
        self._closed = True
        if self._stock is not None:
            self._stock.clear()
        if self._sender is not None:
            self._sender.cancel()
        self._fail_all()  # here, as a task that is cancelled before it began never runs

    async def _share(self, n: int) -> range:
        """Get n ids through a request that other calls may share."""
        call = self._join(n)
        try:
            outcome = await call.outcome
        except asyncio.CancelledError:
            call.batch.leave(call)
            if call.batch is self._sent and call.batch.abandoned and self._sender is not None:
                self._sender.cancel()  # to try again would burn ids for nobody
            raise
        if isinstance(outcome, Error):
            raise self._explained(outcome) from outcome.__cause__
        return outcome

    def _join(self, n: int) -> Call:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._batches or now > self._batches[-1].open_until or self._batches[-1].n + n > self._limit:
            timeout = self._options.timeout
            self._batches.append(Batch(now + timeout, now + timeout / GATHER_PART))
            self._start_sending()
        batch = self._batches[-1]
        call = Call(n, loop.create_future(), batch)
        batch.join(call)
        return call

    def _start_sending(self) -> None:
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        """Serve one batch after the other until nobody waits and no stock is wanted."""
        try:
            while True:
                await self._gather()
                self._sent, n = self._close_batch()
                if self._sent is None:
                    return
                try:
                    await self._serve(self._sent, n)
                except asyncio.CancelledError:
                    if self._closed or not self._sent.abandoned:
                        raise
                self._sent = None
        finally:
            self._fail_all()
            self._sender, self._sent, self._crowd = None, None, 0

    def _fail_all(self) -> None:
        """Fail calls that wait, where the sequence or the event loop is being closed; else there are none."""
        text = "the sequence is closed" if self._closed else "the event loop is being closed"
        if self._sent is not None:
            self._sent.fail(ClosedError(text))
        while self._batches:
            self._batches.popleft().fail(ClosedError(text, sent=False))

    async def _gather(self) -> None:
        """Wait a moment for calls that come at once after they were served."""
        if self._crowd == 1:
            return
        now = asyncio.get_running_loop().time
        end, most, idle = now() + GATHER_TIME, -1, 0
        while idle < GATHER_PASSES:
            calls = self._calls()
            if calls >= self._crowd:
                return
            if calls > most:
                if now() > end:
                    return
                most, idle = calls, 0
            idle += 1
            await asyncio.sleep(0)

    def _close_batch(self) -> tuple[Batch | None, int]:
        """Take the batch that is to be sent next, which nobody joins from now on.

        Also returns how many ids to ask for. No batch: there is nothing to send.
        """
        batch = None
        while self._batches and batch is None:
            batch = self._batches.popleft()
            if batch.abandoned:
                batch = None  # all have given up: they burn no id
        extra = self._stock.wanted() if self._stock is not None else 0
        if batch is None:
            if not extra:
                return None, 0
            batch = Batch(asyncio.get_running_loop().time() + self._options.timeout)
        batch.close()
        n = batch.n + max(min(extra, self._limit - batch.n), 0)
        batch.stocks = n > batch.n
        return batch, n

    async def _serve(self, batch: Batch, n: int) -> None:
        """Send a batch's request and give its calls their outcome."""
        try:
            ids = await retry(self._ask, n, self._options, batch.deadline)
        except Error as e:
            fewer_might_do = isinstance(e, (BadRequestError, ExhaustedError))
            if fewer_might_do and n > 1 and (len(batch) > 1 or batch.stocks):
                await self._probe(batch, n)
            else:
                batch.fail(e)
            return
        finally:
            self._crowd = len(batch) + self._calls()
        rest = batch.finish(ids)
        if rest and self._stock is not None and not self._closed:
            self._put(rest)

    async def _probe(self, batch: Batch, n: int) -> None:
        """Find out why a request for n ids was refused which was not one call's wish.

        A store serves so many at once, a key has so many left, and no call must
        fail because others asked with it. If one id can be had then it was the
        number, and the calls try again with fewer.
        """
        try:
            ids = await retry(self._ask, 1, self._options, batch.deadline)
        except Error as e:
            batch.fail(e)
            return
        self._limit = min(self._limit, n // 2)
        if not len(batch) and self._stock is not None and not self._closed:
            self._put(ids)
        self._batches.extendleft(reversed(batch.split(self._limit, ids)))

    def _put(self, ids: range) -> None:
        """Put ids that no call of the batch wanted in stock.

        Calls that wait for the next request come first: ids are weak here, so
        they may have been drawn before the call began. Where those want more, ids
        are given up, for they are going to get greater ones.
        """
        assert self._stock is not None
        while self._batches and ids:
            if self._batches[0].n > len(ids):
                return
            ids = self._batches.popleft().finish(ids)
        if ids:
            self._stock.put(ids)

    def _calls(self) -> int:
        return sum(map(len, self._batches))

    def _explained(self, error: Error) -> Error:
        return explained(error, self._store, self._key)
