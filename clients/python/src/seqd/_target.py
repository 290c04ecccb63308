"""One key of one store as a client asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from ._inbox import Inbox
from ._options import Options
from ._retry import explained, retry
from ._subjects import check_token, escape, subject
from ._wire import MAX_N, MAX_NUMBERS, Answer
from .errors import BadRequestError, Error, InternalError

MAX_IDEMPOTENCY_KEY = 64  # bytes


class Target:
    """Names checked, subject built. Never changed."""

    def __init__(self, inbox: Inbox, options: Options, store: str, key: str) -> None:
        self._inbox = inbox
        self.options = options
        self.store = store
        self.key = key  # as the caller wrote it
        try:
            check_token("store", store)
            self.subject = subject(options.root, store, escape(key))
        except Error as e:
            raise explained(e, store, key) from None

    async def ask(self, n: int, deadline: float) -> range:
        """Send one request; see Ask."""
        return (await self._ask(n, deadline)).ids

    def next_n(self, n: int, idempotency_key: str | None) -> Awaitable[Answer]:
        """Ask for n ids until they are there or asking again can't help."""
        check_n(n, self.store, self.key)
        return self._call(self._ask, n, idempotency_key)

    def numbers(self, n: int, idempotency_key: str | None) -> Awaitable[Answer]:
        """Ask for n ids and their numbers until they are there or asking again can't help."""
        check_n(n, self.store, self.key, MAX_NUMBERS)
        return self._call(self._ask_numbers, n, idempotency_key)

    async def _call(self, ask: Callable[..., Awaitable[Answer]], n: int, idempotency_key: str | None) -> Answer:
        """Ask for n ids. All attempts have the idempotency key, if there is one."""
        keyed = idempotency_key is not None
        deadline = asyncio.get_running_loop().time() + self.options.timeout
        try:
            if idempotency_key is not None:
                _check_idempotency_key(idempotency_key)
                ask = partial(ask, idempotency_key=idempotency_key)
            return await retry(ask, n, self.options, deadline, keyed=keyed)
        except Error as e:
            raise explained(e, self.store, self.key) from e.__cause__

    def _ask(self, n: int, deadline: float, idempotency_key: str | None = None) -> Awaitable[Answer]:
        """Send one request."""
        options = self.options
        return self._inbox.request(self.subject, n, options.mode, options.root, deadline, idempotency_key)

    async def _ask_numbers(self, n: int, deadline: float, idempotency_key: str | None = None) -> Answer:
        return _check_numbers(n, await self._ask(n, deadline, idempotency_key))


def _check_numbers(n: int, answer: Answer) -> Answer:
    """Return the answer, unless it has other than n numbers: some id would get another's, or none."""
    if answer.numbers and len(answer.numbers) != n:
        raise InternalError(f"the worker answered a request for {n} ids with {len(answer.numbers)} numbers")
    return answer


def check_n(n: int, store: str, key: str, most: int = MAX_N) -> None:
    """Raise BadRequestError unless n is a number of ids that a request can ask for."""
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= most:
        raise explained(BadRequestError(f"n must be an int between 1 and {most}, not {n!r:.40}"), store, key)


def _check_idempotency_key(key: str) -> None:
    """Raise BadRequestError unless a request can carry the idempotency key."""
    if not isinstance(key, str):
        raise BadRequestError(f"idempotency_key must be a str, not {type(key).__name__}")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as e:  # half a surrogate pair
        raise BadRequestError(f"idempotency_key has no UTF-8 form: character {e.start} is a lone surrogate") from None
    if not 1 <= size <= MAX_IDEMPOTENCY_KEY:
        raise BadRequestError(f"idempotency_key must have 1 to {MAX_IDEMPOTENCY_KEY} bytes, not {size}")
