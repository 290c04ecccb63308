"""Lets a runner drive this client: reads commands, one JSON line each, and writes one JSON line of result each.

With --threads the commands go through seqd.Client and plain threads, else
through seqd.AsyncClient and tasks. The server is $NATS_URL.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import nats

import seqd

CODES = {
    "BAD_REQUEST",
    "FENCED",
    "BUSY",
    "INTERNAL",
    "UNAVAILABLE",
    "EXPIRED",
    "EXHAUSTED",
    "NO_WORKERS",
    "TIMEOUT",
}

Ask = Callable[[], Awaitable[range]]  # one call
Connect = Callable[[], Any]


class Load:
    """What concurrent callers did: ops (start, end, first, n), and errors by code."""

    def __init__(self) -> None:
        self.ops: list[tuple[int, int, str, int]] = []
        self.errors: dict[str, int] = {}

    async def call(self, ask: Ask) -> None:
        start = time.monotonic_ns()
        try:
            ids = await ask()
        except Exception as e:
            code = code_of(e)
            self.errors[code] = self.errors.get(code, 0) + 1
        else:
            self.ops.append((start, time.monotonic_ns(), str(ids[0]), len(ids)))


def code_of(e: Exception) -> str:
    code = e.code if isinstance(e, seqd.Error) else ""
    return code if code in CODES else "OTHER"


def options(command: dict[str, Any]) -> seqd.CallOptions:
    given: seqd.CallOptions = {"mode": command.get("mode") or "default"}
    if timeout_ms := command.get("timeout_ms"):
        given["timeout"] = timeout_ms / 1000
    return given


class Tasks:
    """Asks with seqd.AsyncClient; callers are tasks."""

    def __init__(self, client: seqd.AsyncClient) -> None:
        self._client = client

    def ask(self, command: dict[str, Any]) -> Ask:
        store, key, n, given = command["store"], command["key"], command.get("n", 1), options(command)
        if command.get("sequence"):
            sequence = self._client.sequence(store, key, **given)
            return lambda: sequence.next_n(n)
        return lambda: self._client.next_n(store, key, n, **given)

    async def callers(self, count: int, call: Callable[[], Awaitable[None]], more: Callable[[int], bool]) -> None:
        async def caller() -> None:
            for i in forever():
                if not more(i):
                    return
                await call()

        await asyncio.gather(*(caller() for _ in range(count)))


class Threads:
    """Asks with seqd.Client; callers are threads."""

    def __init__(self, client: seqd.Client) -> None:
        self._client = client

    def ask(self, command: dict[str, Any]) -> Ask:
        store, key, n, given = command["store"], command["key"], command.get("n", 1), options(command)
        if command.get("sequence"):
            sequence = self._client.sequence(store, key, **given)
            return asynchronous(lambda: sequence.next_n(n))
        return asynchronous(lambda: self._client.next_n(store, key, n, **given))

    async def callers(self, count: int, call: Callable[[], Awaitable[None]], more: Callable[[int], bool]) -> None:
        def caller() -> None:
            for i in forever():
                if not more(i):
                    return
                run(call())

        with ThreadPoolExecutor(count) as pool:
            for done in [pool.submit(caller) for _ in range(count)]:
                done.result()


def asynchronous(ask: Callable[[], range]) -> Ask:
    """Give a call that blocks the form of one that does not; run undoes it."""

    async def call() -> range:
        return ask()

    return call


def run(call: Awaitable[None]) -> None:
    """Run a coroutine that waits for nothing."""
    for _ in call.__await__():
        raise AssertionError("it waits")


def forever() -> Iterator[int]:
    i = 0
    while True:
        yield i
        i += 1


async def perform(command: dict[str, Any], client: Tasks | Threads) -> dict[str, Any]:
    op = command["op"]
    if op == "next":
        ids = await client.ask(command)()
        return {"id": str(ids[0]), "n": len(ids)}
    load = Load()
    if op == "load":
        ask, calls = client.ask(command), command["calls"]
        await client.callers(command["callers"], lambda: load.call(ask), lambda i: i < calls)
        return {"ops": load.ops, "errors": load.errors}
    if op == "rate":
        ask = client.ask(command)
        start = time.monotonic()
        end = start + command["duration_ms"] / 1000
        await client.callers(command["callers"], lambda: load.call(ask), lambda _: time.monotonic() < end)
        took = time.monotonic() - start
        return {"ids_per_second": sum(n for *_, n in load.ops) / took, "errors": load.errors}
    return {"error": "OTHER", "text": f"unknown op {op!r}"}


@asynccontextmanager
async def connected(threads: bool) -> AsyncIterator[Tasks | Threads]:
    url = os.environ.get("NATS_URL") or "nats://127.0.0.1:4222"
    if threads:
        with seqd.Client(url) as client:
            yield Threads(client)
        return
    nc = await nats.connect(url, **seqd.connect_options())
    try:
        yield Tasks(seqd.AsyncClient(nc))
    finally:
        await nc.close()


async def main() -> None:
    def write(result: dict[str, Any]) -> None:
        print(json.dumps(result), flush=True)

    async with connected("--threads" in sys.argv[1:]) as client:
        write({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            command: dict[str, Any] = json.loads(line)
            if command["op"] == "exit":
                return
            try:
                write(await perform(command, client))
            except Exception as e:
                write({"error": code_of(e), "text": str(e)})


if __name__ == "__main__":
    asyncio.run(main())
