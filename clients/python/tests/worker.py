"""A worker that does what a test says, on a real NATS server."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import nats
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

import seqd

NUMBERS = {"BAD_REQUEST": 400, "FENCED": 409, "BUSY": 429, "UNAVAILABLE": 503, "EXPIRED": 504, "EXHAUSTED": 507}


def reply(first: int, n: int, nonce: Any = None) -> bytes:
    """Return an answer as a worker writes it."""
    head = b"\x82" if nonce is None else b"\x83"
    body = head + b"\xa2id" + struct.pack(">Bq", 0xD3, first) + b"\xa1n" + struct.pack(">BI", 0xCE, n)
    if nonce is None:
        return body
    echo = struct.pack(">BQ", 0xCF, nonce) if isinstance(nonce, int) else msgpack.packb(nonce)
    return body + b"\xa5nonce" + echo


def headers(code: str, text: str) -> dict[str, str]:
    """Return the headers of an error."""
    return {"Nats-Service-Error-Code": str(NUMBERS.get(code, 500)), "Nats-Service-Error": f"{code}: {text}"}


class Request:
    """A request that a worker got. num counts from 1."""

    def __init__(self, msg: Msg, num: int) -> None:
        self.msg = msg
        self.num = num
        self.arrived = time.monotonic()
        self.subject = msg.subject
        self.headers = msg.headers or {}
        fields = msgpack.unpackb(msg.data) if msg.data else {}
        self.n: int = fields.get("n", 1)
        self.mode: str = fields.get("mode", "default")
        self.nonce: int = fields["nonce"]
        self.idempotency_key: str | None = fields.get("idempotency_key")

    async def ids(self, first: int, n: int = 0) -> None:
        await self.raw(None, reply(first, n or self.n, self.nonce))

    async def fail(self, code: str, text: str = "scripted", retry_after: float = 0) -> None:
        fields: dict[str, Any] = {"code": code, "error": text}
        if retry_after:
            fields["retry_after_ms"] = int(retry_after * 1000)
        await self.raw(headers(code, text), msgpack.packb(fields | {"nonce": self.nonce}))

    async def raw(self, head: dict[str, str] | None, data: bytes) -> None:
        await self.msg._client.publish(self.msg.reply, data, headers=head)


Handler = Callable[[Request], Awaitable[None]]


class Worker:
    """What a worker was asked so far."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __len__(self) -> int:
        return len(self.requests)


async def serve(nc: Connection, handle: Handler) -> Worker:
    """Answer requests for every store with handle, over nc."""
    worker = Worker()

    async def receive(msg: Msg) -> None:
        request = Request(msg, len(worker.requests) + 1)
        worker.requests.append(request)
        await handle(request)

    await nc.subscribe("seq.>", queue="seqd", cb=receive)
    await nc.flush()
    return worker


class Answers:
    """A handler that counts in a period, and answers an idempotency key as it did before.

    The answers to the requests with the nums in lost never arrive.
    """

    def __init__(self, lost: set[int] | None = None) -> None:
        self.last = 0
        self.recorded: dict[str, int] = {}
        self.lost = lost or set()

    async def __call__(self, request: Request) -> None:
        key = request.idempotency_key
        first = self.recorded.get(key) if key is not None else None
        replayed = first is not None
        if first is None:
            first = self.last + 1
            self.last += request.n
            if key is not None:
                self.recorded[key] = first
        if request.num in self.lost:
            return
        numbers = [f"INV-2026-{i:06}" for i in range(first, first + request.n)]
        body: dict[str, Any] = {"id": first, "n": request.n, "period": "2026"}
        body |= {"number": numbers[0]} if request.n == 1 else {"numbers": numbers}
        await request.raw(
            {"Seq-Replayed": "true"} if replayed else None, msgpack.packb(body | {"nonce": request.nonce})
        )


class Counters:
    """A handler that counts, each subject on its own."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    async def __call__(self, request: Request) -> None:
        first = self.last.get(request.subject, 0) + 1
        self.last[request.subject] = first + request.n - 1
        await request.ids(first)


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Connection]:
    """Connect as a program should, but come back at once."""
    nc = await nats.connect(url, **seqd.connect_options(reconnect_time_wait=0.02, error_cb=_ignore) | options)
    try:
        yield nc
    finally:
        await nc.close()


async def _ignore(_: Exception) -> None:
    pass


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)
