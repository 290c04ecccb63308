"""Lets a runner drive this client: reads commands, one JSON line each, and writes one JSON line of result each.

With --threads the commands go through seqd.Client and plain threads, else
through seqd.AsyncClient and tasks. The server is $NATS_URL.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from typing import Any

import nats

import seqd

Ask = Callable[[], Awaitable[seqd.Range]]  # one call


class Load:
    """What concurrent callers did: ops (start, end, first, n), and errors by code."""

    def __init__(self) -> None:
        self.ops: list[tuple[int, int, str, int]] = []
        self.errors: dict[str, int] = {}

    async def call(self, ask: Ask) -> None:
        start = time.monotonic_ns()
        try:
            ids = await ask()
        except seqd.Error as e:
            self.errors[e.code] = self.errors.get(e.code, 0) + 1
        else:
            self.ops.append((start, time.monotonic_ns(), str(ids.start), ids.length))


def options(command: dict[str, Any]) -> seqd.CallOptions:
    given: seqd.CallOptions = {"mode": command.get("mode", "default")}
    if timeout_ms := command.get("timeout_ms"):
        given["timeout"] = timeout_ms / 1000
    return given


def once(command: dict[str, Any]) -> dict[str, Any]:
    """Return what may be given to a call, but not to a sequence. An empty key is one, for the client to refuse."""
    key = command.get("idempotency_key")
    return {} if key is None else {"idempotency_key": key}


def asker(client: Any, command: dict[str, Any]) -> Callable[[], Any]:
    """Return what makes one call, of either client."""
    store, key, n, given = command["store"], command["key"], command.get("n", 1), options(command)
    if not command.get("sequence") and not command.get("closed"):
        return lambda: client.next_n(store, key, n, **given, **once(command))
    sequence = client.sequence(store, key, **given)
    if command.get("closed"):
        sequence.close()
    return lambda: sequence.next_n(n)


def bare(command: dict[str, Any]) -> tuple[str, bytes]:
    """Return subject and body of a request without the client."""
    mode = command["mode"].encode()
    return f"seq.{command['store']}.{command['key']}", b"\x81\xa4mode" + bytes([0xA0 | len(mode)]) + mode


class Tasks:
    """Asks with seqd.AsyncClient; callers are tasks."""

    async def connect(self, url: str) -> None:
        self._nc = await nats.connect(url, **seqd.connect_options())
        self._client = seqd.AsyncClient(self._nc)

    async def close(self) -> None:
        await self._nc.close()

    def ask(self, command: dict[str, Any]) -> Ask:
        return asker(self._client, command)

    async def numbers(self, command: dict[str, Any]) -> seqd.Numbers:
        call = self._client.numbers(command["store"], command["key"], command["n"], **options(command), **once(command))
        return await call

    async def callers(self, many: int, call: Callable[[], Awaitable[None]], more: Callable[[int], bool]) -> None:
        async def caller() -> None:
            for _ in takewhile(more, count()):
                await call()

        await asyncio.gather(*(caller() for _ in range(many)))

    async def count(self, command: dict[str, Any], end: float) -> int:
        """Ask until end, and return how many ids there were: with nothing around the calls that costs time."""
        many = command["callers"]
        if command.get("bare") and command.get("sequence"):
            return await self._count_crowd(command, end)
        ask = asker(self._client, command)

        async def bare_caller() -> int:
            subject, body = bare(command)
            ids = 0
            while time.monotonic() < end:
                await self._nc.request(subject, body, timeout=2)
                ids += 1
            return ids

        async def caller() -> int:
            ids = 0
            while time.monotonic() < end:
                ids += (await ask()).length
            return ids

        one = bare_caller if command.get("bare") else caller
        return sum(await asyncio.gather(*(one() for _ in range(many))))

    async def _count_crowd(self, command: dict[str, Any], end: float) -> int:
        """Let callers wait together, each in a coroutine for a future: the last one to come asks for all."""
        (subject, body), many = bare(command), command["callers"]
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[bool]] = []

        async def call() -> bool:
            if len(waiting) < many - 1:
                future = loop.create_future()
                waiting.append(future)
                over: bool = await future
                return over
            await self._nc.request(subject, body, timeout=2)
            over = time.monotonic() >= end
            for future in waiting:
                future.set_result(over)
            waiting.clear()
            return over

        async def caller() -> int:
            ids, over = 0, False
            while not over:
                over = await call()
                ids += 1
            return ids

        return sum(await asyncio.gather(*(caller() for _ in range(many))))


class Threads:
    """Asks with seqd.Client; callers are threads."""

    async def connect(self, url: str) -> None:
        self._nc = seqd.connect(url)
        self._client = seqd.Client(self._nc)

    async def close(self) -> None:
        self._nc.close()

    def ask(self, command: dict[str, Any]) -> Ask:
        return asynchronous(asker(self._client, command))

    async def numbers(self, command: dict[str, Any]) -> seqd.Numbers:
        return self._client.numbers(command["store"], command["key"], command["n"], **options(command), **once(command))

    async def callers(self, many: int, call: Callable[[], Awaitable[None]], more: Callable[[int], bool]) -> None:
        def caller() -> None:
            for _ in takewhile(more, count()):
                run(call())

        with ThreadPoolExecutor(many) as pool:
            for done in [pool.submit(caller) for _ in range(many)]:
                done.result()

    async def count(self, command: dict[str, Any], end: float) -> int:
        """Ask until end, and return how many ids there were."""
        many = command["callers"]
        subject, body = bare(command)

        def ask_bare() -> None:
            asked = self._nc.nc.request(subject, body, timeout=2)
            asyncio.run_coroutine_threadsafe(asked, self._nc._loop).result()

        if command.get("bare") and command.get("sequence"):
            return count_crowd(many, end, ask_bare)
        ask = asker(self._client, command)

        def bare_caller() -> int:
            ids = 0
            while time.monotonic() < end:
                ask_bare()
                ids += 1
            return ids

        def caller() -> int:
            ids = 0
            while time.monotonic() < end:
                ids += ask().length
            return ids

        return in_threads(many, bare_caller if command.get("bare") else caller)


def in_threads(many: int, caller: Callable[[], int]) -> int:
    """Run so many callers, and return the sum of what they return."""
    with ThreadPoolExecutor(many) as pool:
        return sum(done.result() for done in [pool.submit(caller) for _ in range(many)])


def count_crowd(many: int, end: float, ask: Callable[[], None]) -> int:
    """Let threads wait together until end, each for a lock: the last one to come asks for all."""
    guard = threading.Lock()  # of the two
    waiting: list[threading.Lock] = []
    over = False

    def caller() -> int:
        nonlocal waiting, over
        ids = 0
        mine = threading.Lock()
        mine.acquire()
        while not over:
            with guard:
                waiting.append(mine)
                last = len(waiting) == many
            if last:
                ask()
                over = time.monotonic() >= end
                woken, waiting = waiting, []
                for lock in woken:
                    lock.release()
            mine.acquire()
            ids += 1
        return ids

    return in_threads(many, caller)


def asynchronous(ask: Callable[[], seqd.Range]) -> Ask:
    """Give a call that blocks the form of one that does not; run undoes it."""

    async def call() -> seqd.Range:
        return ask()

    return call


def run(call: Awaitable[None]) -> None:
    """Run a coroutine that waits for nothing."""
    for _ in call.__await__():
        raise AssertionError("it waits")


async def perform(command: dict[str, Any], client: Tasks | Threads) -> dict[str, Any]:
    op = command["op"]
    if op == "next":
        ids = await client.ask(command)()
        return {"id": str(ids.start), "n": len(ids), "range": str(ids)}
    if op == "numbers":
        got = await client.numbers(command)
        return {
            "id": str(got.ids.start),
            "n": len(got.ids),
            "range": str(got.ids),
            "period": got.period,
            "numbers": got.numbers,
            "replayed": got.replayed,
        }
    if op == "connect":
        await client.close()
        await client.connect(command["url"])
        return {"ready": True}
    if op == "close":
        await client.close()
        return {"ready": True}
    load = Load()
    if op == "load":
        ask, calls = client.ask(command), command["calls"]
        await client.callers(command["callers"], lambda: load.call(ask), lambda i: i < calls)
        return {"ops": load.ops, "errors": load.errors}
    if op == "rate":
        start = time.monotonic()
        total = await client.count(command, start + command["duration_ms"] / 1000)
        return {"ids_per_second": total / (time.monotonic() - start)}
    raise ValueError(f"unknown op {op!r}")


async def main() -> None:
    def write(result: dict[str, Any]) -> None:
        print(json.dumps(result), flush=True)

    client = Threads() if "--threads" in sys.argv[1:] else Tasks()
    await client.connect(os.environ.get("NATS_URL") or "nats://127.0.0.1:4222")
    try:
        write({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            command: dict[str, Any] = json.loads(line)
            if command["op"] == "exit":
                return
            try:
                write(await perform(command, client))
            except seqd.Error as e:
                write({"error": e.code, "text": str(e), "ids_may_be_spent": e.ids_may_be_spent})
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
