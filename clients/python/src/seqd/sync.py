"""The client for plain threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import nats.errors
from nats.aio.client import Client as Connection

from ._options import CallOptions, connect_options
from ._sequence import AsyncSequence
from ._thread import LoopThread
from .aio import AsyncClient
from .errors import NotConnectedError

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

_log = logging.getLogger("seqd")


class Client:
    """Asks for ids from any number of threads, over a NATS connection of its own.

    It connects when it is created, reconnects for ever, and holds a thread until
    it is closed; use it as a context manager, or close it. After a fork, create
    another one.

    servers is one URL or several. connect holds further arguments for
    nats.connect (user_credentials, tls, name, ...), which win over those of
    seqd.connect_options(). Where no server answers within connect_timeout
    seconds, NotConnectedError is raised. For root and the options see AsyncClient.
    """

    def __init__(
        self,
        servers: str | list[str] = "nats://localhost:4222",
        *,
        connect: Mapping[str, Any] | None = None,
        connect_timeout: float = 5.0,
        root: str = "seq",
        **options: Unpack[CallOptions],
    ) -> None:
        self._nc = Connection()
        self._client = AsyncClient(self._nc, root=root, **options)
        self._thread = LoopThread()
        try:
            settings = connect_options(error_cb=_log_error) | dict(connect or {})
            self._thread.run(self._connect(servers, settings, connect_timeout))
        except BaseException:
            self._thread.stop()
            raise

    def next(self, store: str, key: str, **options: Unpack[CallOptions]) -> int:
        """Return the next id of key in store; see AsyncClient.next_n."""
        return self._thread.run(self._client.next(store, key, **options))

    def next_n(self, store: str, key: str, n: int, **options: Unpack[CallOptions]) -> range:
        """Return the next n ids of key in store, without holes; see AsyncClient.next_n."""
        return self._thread.run(self._client.next_n(store, key, n, **options))

    def sequence(self, store: str, key: str, *, prefetch: int = 0, **options: Unpack[CallOptions]) -> Sequence:
        """Return a handle on key in store, for many threads; see AsyncClient.sequence."""
        return Sequence(self._thread, self._client.sequence(store, key, prefetch=prefetch, **options))

    def close(self) -> None:
        """Close the connection: calls that wait and later ones raise ClosedError. May be called twice."""
        try:
            self._thread.run(self._nc.close())
        except nats.errors.ConnectionClosedError:
            return
        finally:
            self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    async def _connect(self, servers: str | list[str], settings: dict[str, Any], timeout: float) -> None:
        try:
            await asyncio.wait_for(self._nc.connect(servers, **settings), timeout)
        except asyncio.TimeoutError:
            last = self._nc.last_error
            await self._nc.close()
            why = f": {last}" if last else ""
            raise NotConnectedError(f"no connection to {servers} within {timeout} s{why}") from last


class Sequence:
    """Hands out the ids of one key to many threads, which share requests; see AsyncSequence."""

    def __init__(self, thread: LoopThread, sequence: AsyncSequence) -> None:
        self._thread = thread
        self._sequence = sequence

    def next(self) -> int:
        """Return the next id; see AsyncSequence.next_n."""
        ids = self._sequence.take(1)
        return (ids or self._thread.run(self._sequence.next_n(1)))[0]

    def next_n(self, n: int) -> range:
        """Return the next n ids, without holes; see AsyncSequence.next_n."""
        return self._sequence.take(n) or self._thread.run(self._sequence.next_n(n))

    def close(self) -> None:
        """End the sequence; see AsyncSequence.close."""

        async def close() -> None:
            self._sequence.close()

        self._thread.run(close())


async def _log_error(e: Exception) -> None:
    _log.warning("nats: %s", e)
