"""The ids of one key for many tasks, which share requests."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from ._batch import Batch, Outcome, Waiter
from ._options import Options
from ._range import Range, ids_from
from ._retry import Ask, explained, retry
from ._stock import make_stock
from ._target import check_n
from ._wire import MAX_N
from .errors import BadRequestError, ClosedError, Error, ExhaustedError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

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
GATHER_TIME = 0.001  # seconds at most


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
        self._threads = False  # the calls are those of threads
        self._gathered: asyncio.Future[None] | None = None  # is done when the crowd is there; None: nobody waits
        self._filling = False  # a timer is set for a batch that gathers
        self._closed = False

    async def next(self) -> int:
        """Return the next id; see next_n."""
        call = self._begin(1)
        if isinstance(call, int):
            return call
        try:
            outcome = await call
        except asyncio.CancelledError:
            self._leave(call)
            raise
        return outcome if isinstance(outcome, int) else self._raise(outcome)

    async def next_n(self, n: int) -> Range:
        """Return the next n ids, without holes.

        Waits until the ids are there or the timeout passes, and raises an
        seqd.Error as AsyncClient.next_n does, or ClosedError. A call that is
        cancelled returns at once; the other calls of its batch go on waiting.
        """
        # The same as in next, since a coroutine around another costs a tenth of a call.
        call = self._begin(n)
        if isinstance(call, int):
            return ids_from(call, n)
        try:
            outcome = await call
        except asyncio.CancelledError:
            self._leave(call)
            raise
        return ids_from(outcome if isinstance(outcome, int) else self._raise(outcome), n)

    def _begin(self, n: int) -> int | asyncio.Future[Outcome]:
        """Get n ids, and return the first, or who waits for it."""
        if type(n) is not int or not 1 <= n <= MAX_N:
            check_n(n, self._store, self._key)
        if self._closed or self._stock is not None:
            try:
                first = self._at_hand(n)
            except ClosedError as e:
                raise self._explained(e) from None
            if first is not None:
                return first
        call: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._join(call, n)
        return call

    def _raise(self, outcome: Outcome) -> NoReturn:
        assert isinstance(outcome, Error)
        raise self._explained(outcome) from outcome.__cause__

    def _take(self, n: int) -> int | None:
        """Return the first of n ids if they are being spent from the stock. May be called from any thread."""
        if self._stock is None or type(n) is not int or n < 1:
            return None
        return self._stock.spending.take(n)

    def _at_hand(self, n: int) -> int | None:
        """Return the first of n ids from the stock; None if a request must bring them. Raises ClosedError."""
        if self._closed:
            raise ClosedError("the sequence is closed", sent=False)
        if self._stock is None:
            return None
        first, due = self._stock.take(n, asyncio.get_running_loop().time())
        if due:
            self._start_sending()
        return first

    def _serve_thread(self, call: Waiter, n: int) -> None:
        """Get n ids for a call that waits in another thread."""
        self._threads = True
        if self._closed or self._stock is not None:
            try:
                first = self._at_hand(n)
            except ClosedError as e:
                call.set_result(e)
                return
            if first is not None:
                call.set_result(first)
                return
        self._join(call, n)
        if self._gathered is not None and len(self._batches[0]) >= self._crowd:
            self._all_there()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sequence: calls that wait and later ones raise ClosedError.

        What is left in stock is a gap. May be called twice. A sequence that is no
        longer used need not be closed: it holds nothing but memory.
        """
        self._end()
        if self._sender is not None:
            self._sender.cancel()
        self._fail_all()  # here, as a task that is cancelled before it began never runs

    def _end(self) -> None:
        """Refuse later calls, and give up what is in stock."""
        self._closed = True
        if self._stock is not None:
            self._stock.clear()

    def _join(self, call: Waiter, n: int) -> None:
        """Put a call into the batch that gathers."""
        if self._batches:
            batch = self._batches[-1]
            if not batch.full and batch.n + n <= self._limit:
                batch.calls[call] = n  # batch.join, without the call
                batch.n += n
                return
        loop = asyncio.get_running_loop()
        batch = Batch(loop.time() + self._options.timeout, full=False)
        batch.join(call, n)
        self._batches.append(batch)
        if not self._filling:
            self._filling = True
            self._fill_later(loop, batch)
        self._start_sending()

    def _fill_later(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        """See to it that a batch gathers no longer than it may. The clock is read here, not by each call."""
        timeout = self._options.timeout
        loop.call_at(batch.deadline - timeout + timeout / GATHER_PART, self._fill, loop, batch)

    def _fill(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        batch.full = True
        if self._batches and not self._batches[-1].full:
            self._fill_later(loop, self._batches[-1])
        else:
            self._filling = False

    def _leave(self, call: Waiter) -> None:
        """Take out a call that gave up."""
        for batch in self._batches:
            if call in batch:
                batch.leave(call)
                return
        if self._sent is not None and call in self._sent:
            self._sent.leave(call)
            if self._sent.abandoned and self._sender is not None:
                self._sender.cancel()  # to try again would burn ids for nobody

    def _start_sending(self) -> None:
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())
            self._sender.add_done_callback(self._never_sent)

    def _never_sent(self, sender: asyncio.Task[None]) -> None:
        """Clean up after a task that was cancelled before it began, as the end of an event loop does."""
        if self._sender is sender:
            self._end_sending()

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
            self._end_sending()

    def _end_sending(self) -> None:
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
        if self._threads:
            await self._gather_threads()
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

    async def _gather_threads(self) -> None:
        """Wait a moment for threads: not by passes of the loop, each of which takes the interpreter from them."""
        if self._calls() >= self._crowd:
            return
        loop = asyncio.get_running_loop()
        self._gathered = loop.create_future()
        timer = loop.call_later(GATHER_TIME, self._all_there)
        try:
            await self._gathered
        finally:
            timer.cancel()
            self._gathered = None

    def _all_there(self) -> None:
        if self._gathered is not None and not self._gathered.done():
            self._gathered.set_result(None)

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
