"""One key of one store as a client asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

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
        return (await self._inbox.request(self.subject, n, self.options.mode, self.options.root, deadline)).ids

    async def next_n(self, n: int, idempotency_key: str | None) -> range:
        """Ask for n ids until they are there or asking again can't help."""
        check_n(n, self.store, self.key)
        return (await self._call(n, idempotency_key, numbered=False)).ids

    async def numbers(self, n: int, idempotency_key: str | None) -> Answer:
        """Ask for n ids and their numbers until they are there or asking again can't help."""
        check_n(n, self.store, self.key, MAX_NUMBERS)
        return await self._call(n, idempotency_key, numbered=True)

    async def _call(self, n: int, idempotency_key: str | None, *, numbered: bool) -> Answer:
        """Ask for n ids. All attempts have the idempotency key, if there is one."""
        options = self.options
        if idempotency_key is not None:
            try:
                _check_idempotency_key(idempotency_key)
            except Error as e:
                raise explained(e, self.store, self.key) from None

        def ask(n: int, deadline: float) -> Awaitable[Answer]:
            return self._inbox.request(self.subject, n, options.mode, options.root, deadline, idempotency_key)

        async def ask_numbers(n: int, deadline: float) -> Answer:
            return _check_numbers(n, await ask(n, deadline))

        deadline = asyncio.get_running_loop().time() + options.timeout
        try:
            return await retry(
                ask_numbers if numbered else ask, n, options, deadline, keyed=idempotency_key is not None
            )
        except Error as e:
            raise explained(e, self.store, self.key) from e.__cause__


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
