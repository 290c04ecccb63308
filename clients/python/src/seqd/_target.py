"""One key of one store as a client asks for it."""

from __future__ import annotations

import asyncio

from ._inbox import Inbox
from ._options import Options
from ._retry import explained, retry
from ._subjects import check_token, escape, subject
from ._wire import MAX_N
from .errors import BadRequestError, Error


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
        return await self._inbox.request(self.subject, n, self.options.mode, self.options.root, deadline)

    async def next_n(self, n: int) -> range:
        """Ask for n ids until they are there or asking again can't help."""
        check_n(n, self.store, self.key)
        deadline = asyncio.get_running_loop().time() + self.options.timeout
        try:
            return await retry(self.ask, n, self.options, deadline)
        except Error as e:
            raise explained(e, self.store, self.key) from e.__cause__


def check_n(n: int, store: str, key: str) -> None:
    """Raise BadRequestError unless n is a number of ids that a request can ask for."""
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MAX_N:
        raise explained(BadRequestError(f"n must be an int between 1 and {MAX_N}, not {n!r:.40}"), store, key)
