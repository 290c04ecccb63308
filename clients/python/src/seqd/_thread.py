"""A NATS connection for plain threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import nats.aio.client
import nats.errors

from ._crossing import CoroutineCall, Crossing, ThreadCall
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
        self._crossing = Crossing(self._loop)
        self._lock = threading.Lock()  # guards stopped
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="seqd", daemon=True)
        self._thread.start()
        self._ident = self._thread.ident  # read for each call, and slow there

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run coroutine in the connection's thread, and wait for what it returns or raises.

        One that was accepted runs, or is cancelled by close: no caller waits for ever.
        """
        call = CoroutineCall(self._crossing, coroutine)
        try:
            self.post(call.start)
        except BaseException:
            coroutine.close()
            raise
        task: asyncio.Task[T] = self.wait(call)
        if task.cancelled():
            raise ClosedError("the connection is closed")
        return task.result()

    def post(self, act: Callable[..., object], *args: Any) -> None:
        """Have the connection's thread call act, soon and in the order in which threads ask. It must not fail.

        Raises ClosedError if the connection is closed; what was accepted before is done.
        """
        if os.getpid() != self._pid:
            raise RuntimeError("a connection does not survive a fork: connect in each process")
        if threading.get_ident() == self._ident:
            raise RuntimeError("seqd.Client would wait for itself: use seqd.AsyncClient in coroutines")
        if not self._crossing.post(act, *args):
            raise ClosedError("the connection is closed", sent=False)

    def call(self) -> ThreadCall:
        """Return what a thread waits with for the outcome of what it posts."""
        return ThreadCall(self._crossing)

    def wait(self, call: ThreadCall, forget: Callable[[ThreadCall], object] | None = None) -> Any:
        """Wait for the outcome of a call that has been posted, and return it.

        Where a signal's handler interrupts that, the call gives up, and then
        the event loop calls forget with it.
        """
        try:
            return call.wait()
        except BaseException:
            with contextlib.suppress(ClosedError):
                self.post(call.give_up)
                if forget is not None:
                    self.post(forget, call)
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

    def _main(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        """Cancel what runs: all callers get to know."""
        self._crossing.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what the tasks' ends have scheduled


async def _connect(
    nc: nats.aio.client.Client, servers: str | list[str], timeout: float, options: dict[str, Any]
) -> None:
    try:
        await asyncio.wait_for(nc.connect(servers, **options), timeout)
    except asyncio.TimeoutError:
        await nc.close()
        why = f": {nc.last_error}" if nc.last_error else ""
        raise NotConnectedError(f"no connection to {servers} within {timeout} s{why}") from nc.last_error


async def _log_error(e: Exception) -> None:
    _log.warning("nats: %s", e)
