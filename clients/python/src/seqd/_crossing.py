"""Calls of threads that wait for what an event loop in another thread does."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

# Threads wake one another as long as that brings on so many of them within so many
# seconds. It doesn't where one has been interrupted, or where others compute and each
# gives the interpreter away only after a while: then the loop wakes all that are left.
_WATCH = 0.002
_PACE = 32

_release = type(threading.Lock()).release


class ThreadCall:
    """A thread that waits for one outcome. A lock is what Python waits for most cheaply."""

    __slots__ = ("_crossing", "_done", "_wake", "outcome")

    def __init__(self, crossing: Crossing) -> None:
        self.outcome: Any = None  # once done; written by the event loop
        self._crossing = crossing
        self._done = False
        self._wake = threading.Lock()  # held until there is an outcome and this thread's turn to wake
        self._wake.acquire()

    def done(self) -> bool:
        """Whether there is an outcome, or nobody waits for it any more."""
        return self._done

    def set_result(self, outcome: Any, /) -> None:
        """Give the outcome and have the thread woken. Called once at most, by the event loop."""
        self.outcome, self._done = outcome, True
        self._crossing.wake(self._wake)

    def wait(self) -> Any:
        """Wait for the outcome, in the thread, and return it. A signal's handler may interrupt that."""
        self._wake.acquire()
        self._crossing.wake_next()
        return self.outcome

    def give_up(self) -> None:
        """Take no outcome any more. Called by the event loop."""
        self._done = True


class CoroutineCall(ThreadCall):
    """A thread that waits for a coroutine. The outcome is the task, which is done."""

    __slots__ = ("_coroutine", "_task")

    def __init__(self, crossing: Crossing, coroutine: Coroutine[Any, Any, Any]) -> None:
        super().__init__(crossing)
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
    """The way from threads to an event loop, and back.

    To the loop: what threads hand over is done in order, and all of it with one
    wake-up. To wake a loop costs a system call, and the loop takes the interpreter
    from those who are about to hand over more. There is no lock, as the one who
    holds it would give the interpreter away while it wakes the loop, to threads that
    want the lock.

    All that is accepted is done, also where the crossing is closed meanwhile: who
    finds it closed after having handed over takes that back, unless it is gone,
    and then it is being done.

    Back: threads wake one after the other, each of them the next. Woken all at once
    they would fight for the interpreter, which one of them can have, and each would
    fall asleep and wake twice. While there are some to be woken, the loop is not: who
    has been woken last wakes it, for all that was handed over by then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._woken = False  # the loop is going to look after all that waits now
        self._closed = False
        self._asleep: deque[threading.Lock] = deque()  # of threads that are to be woken
        self._waking = False  # the loop is going to wake the first of them
        self._watched = False  # the loop is going to look whether they are being woken
        self._handed = 0  # threads that it was asked to wake
        self._seen = 0  # of them, how many had been woken when it looked
        # Takes a lock out and releases it in one step, at which no exception that is raised in a
        # thread from outside can take the turn from all who come after it.
        self._release_next = map(_release, iter(self._asleep.popleft, None)).__next__

    def post(self, act: Callable[..., object], *args: Any) -> bool:
        """Have the event loop call act, which must not fail. Return whether it is going to."""
        item = (act, args)
        self._waiting.append(item)
        if not self._closed and (self._woken or self._asleep or self._wake_loop()):
            return True
        try:
            self._waiting.remove(item)
        except ValueError:
            return True
        return False

    def wake(self, lock: threading.Lock) -> None:
        """Have a thread woken that waits for the lock. Called by the event loop."""
        if self._closed:
            lock.release()  # the loop may not come to it any more
            return
        self._asleep.append(lock)
        self._handed += 1
        if not self._waking:
            self._waking = True
            self._loop.call_soon(self._begin_waking)

    def wake_next(self) -> None:
        """Wake the next thread that has an outcome, or the loop where there is none. Called by each that wakes."""
        try:
            self._release_next()
        except IndexError:
            if self._waiting and not self._woken:
                self._wake_loop()

    def close(self) -> None:
        """Do what has been accepted, and accept no more. Called by the event loop."""
        self._closed = True
        self._perform()

    def _begin_waking(self) -> None:
        self._waking = False
        if not self._watched:
            self._watched = True
            self._look_again()
        self.wake_next()

    def _look_again(self) -> None:
        self._seen = self._handed - len(self._asleep)
        self._loop.call_later(_WATCH, self._watch)

    def _watch(self) -> None:
        """Wake all who are left, unless they are being woken fast enough."""
        if self._asleep and self._handed - len(self._asleep) - self._seen >= _PACE:
            self._look_again()
            return
        self._watched = False
        while self._asleep:
            self.wake_next()
        self._perform()  # whoever was the last may not have woken the loop

    def _wake_loop(self) -> bool:
        """Have the loop perform what waits. Return whether it is going to."""
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._perform)
        except RuntimeError:  # the loop has been closed just now
            return False
        return True

    def _perform(self) -> None:
        # Before looking: who hands over afterwards and finds it true has been seen.
        self._woken = False
        while self._waiting:
            act, args = self._waiting.popleft()
            act(*args)
