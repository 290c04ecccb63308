"""The client for plain threads."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ._batch import Outcome
from ._options import CallOptions
from ._range import Numbers, Range, ids_from
from ._sequence import AsyncSequence
from ._target import check_n
from ._thread import Connection
from ._wire import MAX_N
from .aio import AsyncClient
from .errors import ClosedError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack


class Client:
    """Asks for ids from any number of threads, over a connection of seqd.connect.

    The connection stays the caller's, who closes it, and the client with it. A
    client that is to end earlier may be closed, or used as a context manager.
    For root and the options see AsyncClient.
    """

    def __init__(self, nc: Connection, *, root: str = "seq", **options: Unpack[CallOptions]) -> None:
        if not isinstance(nc, Connection):
            raise TypeError(f"nc must be a connection of seqd.connect, not {type(nc).__name__}")
        self._nc = nc
        self._client = AsyncClient(nc.nc, root=root, **options)

    def close(self) -> None:
        """End the client and its subscription; see AsyncClient.close."""
        with contextlib.suppress(ClosedError):  # the connection has ended it
            self._nc.run(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def next(self, store: str, key: str, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]) -> int:
        """Return the next id of key in store; see AsyncClient.next_n."""
        return self._nc.run(self._client.next(store, key, idempotency_key=idempotency_key, **options))

    def next_n(
        self, store: str, key: str, n: int, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> Range:
        """Return the next n ids of key in store, without holes; see AsyncClient.next_n."""
        return self._nc.run(self._client.next_n(store, key, n, idempotency_key=idempotency_key, **options))

    def numbers(
        self, store: str, key: str, n: int = 1, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> Numbers:
        """Return the next n ids of key in store, with their numbers for people; see AsyncClient.numbers."""
        return self._nc.run(self._client.numbers(store, key, n, idempotency_key=idempotency_key, **options))

    def sequence(self, store: str, key: str, *, prefetch: int = 0, **options: Unpack[CallOptions]) -> Sequence:
        """Return a handle on key in store, for many threads; see AsyncClient.sequence."""
        return Sequence(self._nc, self._client.sequence(store, key, prefetch=prefetch, **options))


class Sequence:
    """Hands out the ids of one key to many threads, which share requests; see AsyncSequence."""

    def __init__(self, nc: Connection, sequence: AsyncSequence) -> None:
        self._nc = nc
        self._sequence = sequence

    def next(self) -> int:
        """Return the next id; see AsyncSequence.next_n."""
        return self._first(1)

    def next_n(self, n: int) -> Range:
        """Return the next n ids, without holes; see AsyncSequence.next_n."""
        return ids_from(self._first(n), n)

    def _first(self, n: int) -> int:
        """Get n ids, and return the first: from the stock, or through the connection's thread."""
        sequence = self._sequence
        if sequence._stock is not None:
            first = sequence._take(n)
            if first is not None:
                return first
        if type(n) is not int or not 1 <= n <= MAX_N:
            check_n(n, sequence._store, sequence._key)
        nc = self._nc
        call = nc.call()
        nc.post(sequence._serve_thread, call, n)
        outcome: Outcome = nc.wait(call, sequence._leave)
        return outcome if isinstance(outcome, int) else sequence._raise(outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the sequence; see AsyncSequence.close."""
        done = self._nc.call()

        def close() -> None:
            self._sequence.close()
            done.set_result(None)

        try:
            self._nc.post(close)
        except ClosedError:  # nobody waits any more
            self._sequence._end()
        else:
            self._nc.wait(done)
