"""A NATS connection for plain threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import nats.aio.client
import nats.errors

from ._options import connect_options
from .errors import ClosedError, NotConnectedError

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

_log = logging.getLogger("seqd")


def connect(servers: str | list[str] = "nats://localhost:4222", *, timeout: float = 5.0, **options: Any) -> Connection:
    """Connect to NATS, for Client.

    servers is one URL or several. The options are those of nats.connect
    (user_credentials, tls, name, ...), and win over those of
    seqd.connect_options(). Where no server answers within timeout seconds,
    NotConnectedError is raised.
    """
    connection = Connection(nats.aio.client.Client())
    try:
        connection.run(_connect(connection.nc, servers, timeout, connect_options(error_cb=_log_error) | options))
    except BaseException:
        connection._stop()
        raise
    return connection


class Connection:
    """A NATS connection for plain threads, as seqd.connect makes it: nats-py's, on an event loop in a thread.

    Any number of clients and threads may use it. It reconnects for ever, and holds
    its thread until it is closed; use it as a context manager, or close it. The
    thread ends with the program at the latest. After a fork, connect anew.
    """

    def __init__(self, nc: nats.aio.client.Client) -> None:
        self.nc = nc  # for use by run only
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._lock = threading.Lock()  # whoever comes after stopped has been set finds it set
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="seqd", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run coroutine in the connection's thread, and wait for what it returns or raises.

        One that was accepted runs, or is cancelled by close: no caller waits for ever.
        """
        future = self._submit(coroutine)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ClosedError("the connection is closed") from None
        except BaseException:
            future.cancel()  # the caller was interrupted; where the coroutine failed, it changes nothing
            raise

    def close(self) -> None:
        """Close the connection: calls that wait and later ones raise ClosedError. May be called twice."""
        try:
            self.run(self.nc.close())
        except nats.errors.ConnectionClosedError:
            return
        finally:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _stop(self) -> None:
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        if os.getpid() == self._pid:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        wrong = ""
        if os.getpid() != self._pid:
            wrong = "a connection does not survive a fork: connect in each process"
        elif threading.current_thread() is self._thread:
            wrong = "seqd.Client would wait for itself: use seqd.AsyncClient in coroutines"
        with self._lock:
            if not wrong and not self._stopped:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise RuntimeError(wrong) if wrong else ClosedError("the connection is closed", sent=False)

    def _main(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(_cancel_all())
        self._loop.close()


async def _connect(
    nc: nats.aio.client.Client, servers: str | list[str], timeout: float, options: dict[str, Any]
) -> None:
    try:
        await asyncio.wait_for(nc.connect(servers, **options), timeout)
    except asyncio.TimeoutError:
        await nc.close()
        why = f": {nc.last_error}" if nc.last_error else ""
        raise NotConnectedError(f"no connection to {servers} within {timeout} s{why}") from nc.last_error


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # what the tasks' ends have scheduled: their callers get to know


async def _log_error(e: Exception) -> None:
    _log.warning("nats: %s", e)
