"""Trying again, inside the caller's time."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ._options import Options
from .errors import Error, NotConnectedError, NoWorkersError, TimeoutError

# Pauses between attempts, in seconds, before the random part.
FIRST_PAUSE = 0.010
MAX_PAUSE = 16 * FIRST_PAUSE

T = TypeVar("T")

Ask = Callable[[int, float], Awaitable[range]]
"""Sends one request for that many ids and waits for the answer until a time on
the loop's clock. Raises an Error."""


async def retry(
    ask: Callable[[int, float], Awaitable[T]], n: int, options: Options, deadline: float, *, keyed: bool = False
) -> T:
    """Ask for n ids until they are there, asking again can't help, or the deadline is near.

    deadline is a time on the loop's clock; no request is sent after it. The
    Error that is raised is the last attempt's, unless that one was cut short by
    the deadline: then it tells less than the one before. keyed says that all
    attempts have an idempotency key, so that ids which are spent are not lost.
    """
    now = asyncio.get_running_loop().time
    start = now()
    attempts, spent, wait = 0, False, 0.0
    last: Error | None = None
    no_workers_since: float | None = None  # None: the last attempt met a worker, or nothing
    while now() < deadline:
        attempts += 1
        try:
            return await ask(n, min(now() + options.attempt_timeout, deadline))
        except Error as e:
            error = e
        failed = now()
        spent = spent or error.ids_may_be_spent
        if last is None or failed < deadline or not isinstance(error, (TimeoutError, NotConnectedError)):
            last = error
        if isinstance(last, NotConnectedError) and spent:  # down, but not all the time
            last = TimeoutError("the connection to NATS was lost", hint=last.hint)
        if not error.retryable:
            raise _ended(error, attempts, spent, keyed)
        wait = pause(attempts, error, random.random())
        if not isinstance(error, NoWorkersError):
            no_workers_since = None
        else:
            if no_workers_since is None:
                no_workers_since = failed
            patience = options.no_responders_patience
            if patience is not None and failed + wait - no_workers_since > patience:
                raise _ended(error, attempts, spent, keyed)
        if failed + wait >= deadline:
            break  # to wait for the deadline and then say so would help nobody
        await asyncio.sleep(wait)
    if last is None:
        last = TimeoutError("the time was up before anything was sent")
    last.timed_out = True
    why = f"gave up after {now() - start:.3f} s, the next attempt due in {wait:.3f} s"
    raise _ended(last, attempts, spent, keyed, why)


def pause(attempts: int, error: Error, r: float) -> float:
    """Return how many seconds to wait after the attempt with that number, from 1, failed.

    r is a random number in [0, 1): without it, callers that were turned away
    together would come back together.
    """
    seconds = min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 16), MAX_PAUSE)
    seconds = max(seconds, error.retry_after)
    return seconds + r * seconds / 2


def _ended(error: Error, attempts: int, spent: bool, keyed: bool, why: str = "") -> Error:
    error.attempts, error.ids_may_be_spent = attempts, spent
    error.message = str(error)
    if why:
        error.message += f"; {why} (attempts: {attempts})"
    if spent and keyed:
        error.message += "; ids may have been spent; a call with the same idempotency key gets them"
    elif spent:
        error.message += "; ids may have been spent, which leaves a gap"
    if error.hint:
        error.message += f"; {error.hint}"
    return error


def explained(error: Error, store: str, key: str) -> Error:
    """Return a copy of error that says for which key the call failed.

    A copy, as calls that share a request share its error, and whoever raises one
    writes a traceback into it.
    """
    mine = copy.copy(error)
    mine.message = f"store {store!r:.80} key {key!r:.80}: {error}"
    mine.__cause__ = error.__cause__
    return mine
