"""Calls of threads that wait for what an event loop in another thread does."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any


class ThreadCall:
    """A thread that waits for one outcome. A lock is what Python waits for most cheaply."""

    __slots__ = ("_done", "_wake", "outcome")

    def __init__(self) -> None:
        self.outcome: Any = None  # once done; written by the event loop
        self._done = False
        self._wake = threading.Lock()  # held until there is an outcome
        self._wake.acquire()

    def done(self) -> bool:
        """Whether there is an outcome, or nobody waits for it any more."""
        return self._done

    def set_result(self, outcome: Any, /) -> None:
        """Give the outcome and wake the thread. Called once at most, by the event loop."""
        self.outcome, self._done = outcome, True
        self._wake.release()

    def wait(self) -> Any:
        """Wait for the outcome, in the thread, and return it. A signal's handler may interrupt that."""
        self._wake.acquire()
        return self.outcome

    def give_up(self) -> None:
        """Take no outcome any more. Called by the event loop."""
        self._done = True


class CoroutineCall(ThreadCall):
    """A thread that waits for a coroutine. The outcome is the task, which is done."""

    __slots__ = ("_coroutine", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        super().__init__()
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None  # None: not begun

    def start(self) -> None:
        """Begin. Called by the event loop, before give_up."""
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(self._finish)

    def give_up(self) -> None:
        super().give_up()
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if not self._done:
            self.set_result(task)
        elif not task.cancelled():
            task.exception()  # nobody asks for it, which is no mistake


class Crossing:
    """The way from threads to an event loop: what they hand over is done in order, and all of it with one wake-up.

    To wake a loop costs a system call, and the loop takes the interpreter from
    those who are about to hand over more. There is no lock, as the one who holds
    it would give the interpreter away while it wakes the loop, to threads that
    want the lock.

    All that is accepted is done, also where the crossing is closed meanwhile: who
    finds it closed after having handed over takes that back, unless it is gone,
    and then it is being done.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._woken = False  # the loop is going to look after all that waits now
        self._closed = False

    def post(self, act: Callable[..., object], *args: Any) -> bool:
        """Have the event loop call act, which must not fail. Return whether it is going to."""
        item = (act, args)
        self._waiting.append(item)
        if not self._closed:
            if self._woken:
                return True
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._perform)
            except RuntimeError:  # the loop has been closed just now
                pass
            else:
                return True
        try:
            self._waiting.remove(item)
        except ValueError:
            return True
        return False

    def close(self) -> None:
        """Do what has been accepted, and accept no more. Called by the event loop."""
        self._closed = True
        self._perform()

    def _perform(self) -> None:
        # Before looking: who hands over afterwards and finds it true has been seen.
        self._woken = False
        while self._waiting:
            act, args = self._waiting.popleft()
            act(*args)
