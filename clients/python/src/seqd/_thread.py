"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .errors import ClosedError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads, from its start to its stop.

    A coroutine that was accepted runs, or is cancelled by stop: no caller waits
    for ever. The thread ends with the program at the latest.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._lock = threading.Lock()  # whoever comes after stopped has been set finds it set
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="seqd", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run coroutine and wait for what it returns or raises."""
        future = self._submit(coroutine)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ClosedError("the client is closed") from None
        except BaseException:
            future.cancel()  # the caller was interrupted; where the coroutine failed, it changes nothing
            raise

    def stop(self) -> None:
        """Cancel what runs, and end the thread. May be called twice."""
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
            wrong = "seqd.Client does not survive a fork: create one in each process"
        elif threading.current_thread() is self._thread:
            wrong = "seqd.Client would wait for itself: use seqd.AsyncClient in coroutines"
        with self._lock:
            if not wrong and not self._stopped:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise RuntimeError(wrong) if wrong else ClosedError("the client is closed")

    def _main(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(_cancel_all())
        self._loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # what the tasks' ends have scheduled: their callers get to know
