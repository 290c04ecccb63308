"""The client for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nats.aio.client

from ._inbox import Inbox
from ._options import CallOptions, Options
from ._range import Numbers, Range, ids_from
from ._sequence import AsyncSequence
from ._target import Target

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

# How many keys a client remembers: to check one and to write it for the wire takes
# longer than the rest of a call.
_MAX_TARGETS = 1000


class AsyncClient:
    """Asks for ids over one NATS connection.

    The connection stays the caller's, who closes it; seqd.connect_options() has
    settings that it should have. The client may be used by any number of tasks of
    the connection's event loop. It keeps one subscription on the connection from
    the first request on, which ends with the connection, or with the client where
    that is closed or used as a context manager.

    Options given here hold for all calls; see CallOptions. root is the first
    token of the subjects, where workers have been configured with another one.
    """

    def __init__(self, nc: nats.aio.client.Client, *, root: str = "seq", **options: Unpack[CallOptions]) -> None:
        if not callable(getattr(nc, "publish", None)):
            raise TypeError(f"nc must be a connection of nats.connect, not {type(nc).__name__}")
        self._options = Options(root=root).with_(**options)
        self._inbox = Inbox(nc)
        self._targets: dict[tuple[str, str, str | None], Target] = {}  # that calls have asked before

    async def close(self) -> None:
        """End the client and its subscription; the connection stays open.

        Calls that wait and later ones raise ClosedError, also those of its
        sequences. May be called twice.
        """
        await self._inbox.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def next(
        self, store: str, key: str, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> int:
        """Return the next id of key in store; see next_n."""
        return (await self.next_n(store, key, 1, idempotency_key=idempotency_key, **options)).start

    async def next_n(
        self, store: str, key: str, n: int, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> Range:
        """Return the next n ids of key in store, without holes.

        store is a name of 1 to 64 of the characters A-Za-z0-9_-. key is any text
        that is not empty: it is escaped for the wire, where it may have 200
        bytes. A store serves at most its max_count at once, 100 000 unless
        configured. Options given here hold for this call only.

        idempotency_key, 1 to 64 bytes of any text, makes a repeat harmless: within
        the store's window (10 minutes unless configured) every call with it for
        this key gets the ids of the first one, over all clients and workers. Its
        attempts have it, too, so that an answer which was lost is fetched rather
        than left as a gap; where the call fails all the same, calling again with
        it is safe. A call with the key of another n or mode is a BadRequestError.

        Waits until the ids are there or the timeout (2 s) passes, and raises an
        seqd.Error then, or sooner where asking again can't help. A call that is
        cancelled may have spent ids, which leaves a gap.
        """
        ids = (await self._target(store, key, **options).next_n(n, idempotency_key)).ids
        return ids_from(ids.start, len(ids))

    async def numbers(
        self, store: str, key: str, n: int = 1, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> Numbers:
        """Return the next n ids of key in store, 1 to 1000, with their numbers for people.

        It is next_n, and says more: the period, the numbers as the store's
        configuration writes them, and whether the answer is a repeat. A key that
        has no numbers brings none, and is no error.
        """
        answer = await self._target(store, key, **options).numbers(n, idempotency_key)
        return Numbers(Range(answer.ids.start, len(answer.ids)), answer.period, answer.numbers, answer.replayed)

    def _target(self, store: str, key: str, **options: Unpack[CallOptions]) -> Target:
        if options:
            # Checked as far as the look-up needs it: what is equal to a name but none must not be found.
            mode = options.get("mode")
            known = len(options) == 1 and type(mode) is str
        else:
            mode, known = None, True
        if not (known and type(store) is str and type(key) is str):
            return Target(self._inbox, self._options.with_(**options), store, key)
        target = self._targets.get((store, key, mode))
        if target is None:
            target = Target(self._inbox, self._options.with_(**options), store, key)
            if len(self._targets) >= _MAX_TARGETS:
                self._targets.clear()
            self._targets[store, key, mode] = target
        return target

    def sequence(self, store: str, key: str, *, prefetch: int = 0, **options: Unpack[CallOptions]) -> AsyncSequence:
        """Return a handle on key in store, for tasks that ask for its ids concurrently or often.

        The options hold for all calls of the sequence. Nothing is sent. An
        idempotency_key is none of them: it is for one call, and these share requests.

        prefetch lets the sequence keep up to that many ids in stock, fetched
        ahead: a call then takes one from memory. Only weak ids may be in stock;
        a sequence whose mode is not named asks for weak. What is in stock when
        the program ends is a gap; how much that is follows the calls, from one id
        for a key used once up to what lasts for one to two seconds.
        """
        settings = self._options.with_(**options)
        if prefetch and settings.mode == "default":
            settings = settings.with_(mode="weak")
        target = Target(self._inbox, settings, store, key)
        return AsyncSequence(target.ask, target.options, store, key, prefetch)
