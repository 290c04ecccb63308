"""One request and its answer, over a NATS connection."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import nats.aio.client
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from . import _wire
from ._wire import Answer
from .errors import ClosedError, Error, InternalError, NotConnectedError, NoWorkersError, TimeoutError

# With that much waiting to be sent, the server reads too slowly: one more request
# would be late, and nats-py may block in publish at twice as much.
_MAX_BACKLOG = 1 << 20  # bytes

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting:
    nonce: int
    deadline: float  # on the loop's clock
    answer: asyncio.Future[Answer | Error | None]  # None: the time is up
    stranger: bool = False  # something else came instead


class Inbox:
    """A client's own subscription for answers, with one reply subject for each request.

    nats-py's request takes whatever comes first for the answer. Strangers come:
    where an account import rewrites reply subjects a late answer may reach
    another request, and a stream that captures the subject acknowledges it. So
    an answer must carry the nonce of the very request that waits; what doesn't is
    dropped, and the right one may still come. An id that was drawn for an earlier
    request, taken for this one's, would break the order that strong promises.

    Used by one event loop, the connection's.
    """

    def __init__(self, nc: nats.aio.client.Client) -> None:
        self._nc = nc
        self._nonce = secrets.randbits(64)  # of the last request
        self._prefix = ""  # of the reply subjects; empty: not subscribed
        self._waiting: dict[str, _Waiting] = {}  # by last token of the reply subject
        self._sub: Subscription | None = None
        self._ended = False
        # One timer for all requests, since nearly every one is answered long before
        # its deadline: a timer for each would cost a fifth of what the client does.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf  # None is set, or it is going off

    async def request(
        self, subject: str, n: int, mode: str, root: str, deadline: float, idempotency_key: str | None = None
    ) -> Answer:
        """Send one request and return its answer, which holds ids. deadline is on the loop's clock.

        Raises an Error; TimeoutError if no answer came by the deadline.
        """
        self._check_connection()
        if not self._prefix:
            await self._subscribe()
        loop = asyncio.get_running_loop()
        patience = deadline - loop.time()
        if patience <= 0:
            raise NotConnectedError("the connection takes too long")

        nonce = self._nonce = (self._nonce + 1) & _wire.MAX_NONCE
        waiting = _Waiting(nonce, deadline, loop.create_future())
        token = str(nonce)
        self._waiting[token] = waiting
        if deadline < self._timer_at:
            self._set_timer(loop, deadline)
        try:
            await self._publish(
                self._nc.publish,
                subject,
                _wire.encode_request(n, mode, nonce, idempotency_key),
                self._prefix + token,
                # 0 would be outlived on arrival.
                {_wire.TIMEOUT_HEADER: str(max(int(patience * 1000), 1))},
            )
            answer = await waiting.answer
        finally:
            del self._waiting[token]
        if answer is None:
            raise self._unanswered(subject, waiting)
        if isinstance(answer, NoWorkersError):
            answer.hint = (
                "workers that can't serve leave the queue group, and seqd doctor says why; where there is none, "
                f"start a worker that serves this store, under the root {root!r} in this NATS account"
            )
        if isinstance(answer, Error):
            raise answer
        if answer.error is not None:
            raise answer.error
        if len(answer.ids) != n:
            raise InternalError(f"the worker answered a request for {n} ids with {len(answer.ids)}")
        return answer

    async def close(self) -> None:
        """End the subscription: requests that wait and later ones raise ClosedError. May be called twice."""
        self._ended = True
        for waiting in self._waiting.values():
            _resolve(waiting.answer, ClosedError("the client is closed"))
        sub, self._sub = self._sub, None
        if sub is not None and not self._nc.is_closed and not self._nc.is_draining:
            await sub.unsubscribe()

    def _check_connection(self) -> None:
        if self._ended:
            raise ClosedError("the client is closed", sent=False)
        if self._nc.is_closed or self._nc.is_draining:
            self._prefix = ""  # the subscription ends with the connection
            raise _closed()
        if not self._nc.is_connected:
            # Sent now, it would wait in the connection's buffer and burn ids for
            # callers that have long given up.
            raise NotConnectedError("not connected to NATS", hint="check that the NATS server runs and can be reached")
        if self._nc.pending_data_size > _MAX_BACKLOG:
            raise NotConnectedError("the connection is clogged", hint="check the NATS server and the network")

    def _set_timer(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = loop.call_at(at, self._end_overdue, loop), at

    def _end_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the requests whose time is up, and look again when that of the next one is."""
        self._timer, self._timer_at = None, math.inf
        now, next_at = loop.time(), math.inf
        for waiting in self._waiting.values():
            if waiting.deadline <= now:
                _resolve(waiting.answer, None)
            else:
                next_at = min(next_at, waiting.deadline)
        if next_at < math.inf:
            self._set_timer(loop, next_at)

    async def _subscribe(self) -> None:
        # Set before anything is awaited: what concurrent requests send goes out
        # after the subscription.
        self._prefix = self._nc.new_inbox() + "."
        try:
            self._sub = await self._publish(self._nc.subscribe, self._prefix + "*", "", self._receive)
        except BaseException:
            self._prefix = ""
            raise

    async def _publish(self, send: Callable[..., Awaitable[T]], *args: object) -> T:
        try:
            return await send(*args)
        except (nats.errors.ConnectionClosedError, nats.errors.ConnectionDrainingError) as e:
            raise _closed() from e
        except nats.errors.OutboundBufferLimitError as e:
            raise NotConnectedError("not connected to NATS") from e
        except (nats.errors.Error, OSError) as e:
            # Unknown ones count as passing: to try again costs no more than the
            # call's time, and the last one is reported.
            raise TimeoutError(f"the connection failed: {e}") from e

    async def _receive(self, msg: Msg) -> None:
        """Pass an answer on to the request that waits for it; nobody waits for a late one."""
        waiting = self._waiting.get(msg.subject[len(self._prefix) :])
        if waiting is None:
            return
        headers = msg.headers
        if headers and not msg.data and headers.get("Status") == "503":
            _resolve(waiting.answer, NoWorkersError("no worker of the store serves now"))
            return
        answer = _wire.decode_answer(headers, msg.data)
        # An error may lack the nonce, for the worker may have been unable to read it.
        nameless = answer.nonce is None and headers is not None and _wire.ERROR_CODE_HEADER in headers
        if answer.nonce != waiting.nonce and not nameless:
            waiting.stranger = True
            return
        _resolve(waiting.answer, answer)

    def _unanswered(self, subject: str, waiting: _Waiting) -> Error:
        if waiting.stranger:
            return TimeoutError(
                "an answer to another request came back",
                hint=f"check that no stream and no other service listens on {subject!r}",
            )
        # A request the server refused to pass on looks the same as a lost one.
        last = self._nc.last_error
        if last is not None and "permissions violation" in str(last).lower():
            return TimeoutError("no answer", hint=f"the server refused something on this connection: {last}")
        return TimeoutError("no answer", hint="check the workers, for example with: nats micro stats seqd")


def _closed() -> ClosedError:
    return ClosedError("the connection is closed", hint="connect again, with seqd.connect_options()", sent=False)


def _resolve(future: asyncio.Future[Answer | Error | None], result: Answer | Error | None) -> None:
    if not future.done():
        future.set_result(result)
