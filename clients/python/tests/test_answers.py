"""What a client makes of answers, over a real NATS server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import pytest
from servers import Server
from worker import Counters, Request, connected, headers, reply, serve

import seqd

# For tests that count attempts: none may time out on a slow machine.
PATIENT: dict[str, Any] = {"timeout": 10.0, "attempt_timeout": 10.0}


async def test_requests(server: Server) -> None:
    """The bytes that leave: subject, fields, nonces and patience."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, Counters())
        client = seqd.AsyncClient(nc, timeout=5, attempt_timeout=0.5)
        assert await client.next("orders", "a b..发") == 1
        assert await client.next_n("orders", "k", 1000, mode="strong") == seqd.Range(1, 1000)
        assert await client.next_n("orders", "k", 2, timeout=0.2, mode="weak") == seqd.Range(1001, 2)
        assert await seqd.AsyncClient(nc, root="seq", mode="strong").next("orders", "k") == 1003

        got = [(r.subject, r.n, r.mode) for r in worker.requests]
        assert got == [
            ("seq.orders.a=20b.=2E=E5=8F=91", 1, "default"),
            ("seq.orders.k", 1000, "strong"),
            ("seq.orders.k", 2, "weak"),
            ("seq.orders.k", 1, "strong"),
        ]
        assert all(set(r.headers) == {"Seq-Timeout-Ms"} for r in worker.requests)
        patience = [int(r.headers["Seq-Timeout-Ms"]) for r in worker.requests]
        assert 400 < patience[0] <= 500
        assert 100 < patience[2] <= 200
        assert len({r.nonce for r in worker.requests}) == 4


async def test_wrong_arguments_send_nothing(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, Counters())
        client = seqd.AsyncClient(nc)
        bad: list[tuple[str, Any, Any, dict[str, Any]]] = [
            ("a.b", "k", 1, {}),
            ("", "k", 1, {}),
            ("*", "k", 1, {}),
            ("orders", "", 1, {}),
            ("orders", "k" * 201, 1, {}),
            ("orders", "发" * 23, 1, {}),
            ("orders", ".".join("abcdefghijklmnop"), 1, {}),
            ("orders", None, 1, {}),
            ("orders", "k", 0, {}),
            ("orders", "k", -1, {}),
            ("orders", "k", 2**32, {}),
            ("orders", "k", 1.0, {}),
            ("orders", "k", True, {}),
            ("orders", "k", 1, {"mode": "fast"}),
            ("orders", "k", 1, {"timeout": 0}),
        ]
        for store, key, n, options in bad:
            with pytest.raises(seqd.BadRequestError):
                await client.next_n(store, key, n, **options)
            if type(n) is int and n == 1:
                with pytest.raises(seqd.BadRequestError):
                    client.sequence(store, key, **options)
        with pytest.raises(seqd.BadRequestError, match=r"store 'a\.b' key 'k'"):
            await client.next("a.b", "k")
        await asyncio.sleep(0.05)
        assert len(worker) == 0


CODES = {
    "BAD_REQUEST": seqd.BadRequestError,
    "FENCED": seqd.FencedError,
    "BUSY": seqd.BusyError,
    "INTERNAL": seqd.InternalError,
    "UNAVAILABLE": seqd.UnavailableError,
    "EXPIRED": seqd.ExpiredError,
    "EXHAUSTED": seqd.ExhaustedError,
    "UNHEARD_OF": seqd.Error,
}


@pytest.mark.parametrize("code", CODES)
async def test_error_then_ids(server: Server, code: str) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:

        async def handle(r: Request) -> None:
            await (r.fail(code) if r.num <= 2 else r.ids(7))

        worker = await serve(ours, handle)
        call = seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice")
        if code in ("BUSY", "UNAVAILABLE", "EXPIRED"):
            assert await call == 7
            assert len(worker) == 3
            return
        with pytest.raises(seqd.Error, match=f"{code}: scripted") as caught:
            await call
        assert type(caught.value) is CODES[code]
        assert (caught.value.code, caught.value.timed_out, len(worker)) == (code, False, 1)


@pytest.mark.parametrize("code", CODES)
async def test_error_survives(server: Server, code: str) -> None:
    """A caller learns what it got, and a wait past the deadline ends the call at once."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, lambda r: r.fail(code, "scripted", retry_after=3600))
        with pytest.raises(CODES[code], match=r"store 'orders' key 'a b'.*scripted") as caught:
            await seqd.AsyncClient(nc, **PATIENT).next("orders", "a b")
        e = caught.value
        assert (e.code, e.text, e.retry_after) == (code, "scripted", 3600)
        assert e.timed_out == (code in ("BUSY", "UNAVAILABLE", "EXPIRED"))
        assert e.ids_may_be_spent == (code in ("INTERNAL", "UNAVAILABLE", "EXPIRED", "UNHEARD_OF"))


async def test_busy_waits_as_long_as_told(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:

        async def handle(r: Request) -> None:
            await (r.fail("BUSY", retry_after=0.06) if r.num == 1 else r.ids(1))

        worker = await serve(ours, handle)
        assert await seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice") == 1
        first, second = worker.requests
        assert second.arrived - first.arrived >= 0.06


async def _late(r: Request) -> None:
    await r.raw(None, reply(1, 1, r.nonce - 1))


STRANGERS: dict[str, Callable[[Request], Awaitable[None]]] = {
    "wrong nonce": lambda r: r.raw(None, reply(1, 1, 1)),
    "no nonce": lambda r: r.raw(None, reply(1, 1)),
    "a nonce in another form": lambda r: r.raw(None, reply(1, 1, str(r.nonce)[:16])),
    "the request's before": _late,
    "error with a wrong nonce": lambda r: r.raw(
        headers("EXHAUSTED", "no"), msgpack.packb({"code": "EXHAUSTED", "error": "no", "nonce": 1})
    ),
    "error in a body, without a nonce": lambda r: r.raw(None, msgpack.packb({"code": "EXHAUSTED", "error": "no"})),
    "nothing": lambda r: r.raw(None, b""),
    "a stream's acknowledgement": lambda r: r.raw(None, b'{"stream":"SEQ", "seq":1}'),
    "text": lambda r: r.raw(None, b"1"),
    "an empty map": lambda r: r.raw(None, b"\x80"),
    "half a map": lambda r: r.raw(None, b"\x82\xa2id\xd3\x00\x00"),
    "a map that claims a lot": lambda r: r.raw(None, b"\xdf\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_strangers_are_dropped_and_the_answer_awaited(server: Server, stranger: str) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:

        async def handle(r: Request) -> None:
            await STRANGERS[stranger](r)
            await r.ids(7)

        worker = await serve(ours, handle)
        assert await seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice") == 7
        assert len(worker) == 1


async def test_only_strangers_answer(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, lambda r: r.raw(None, b'{"stream":"SEQ", "seq":1}'))
        with pytest.raises(seqd.TimeoutError, match=r"listens on 'seq\.orders\.invoice'"):
            await seqd.AsyncClient(nc, timeout=0.3, attempt_timeout=0.1).next("orders", "invoice")


async def test_late_answer(server: Server) -> None:
    """An attempt without an answer is followed by another, whose answer is not mistaken for a late one."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        requests: list[Request] = []

        async def handle(r: Request) -> None:
            requests.append(r)
            if r.num == 2:
                await requests[0].ids(1)
                await r.ids(2)

        await serve(ours, handle)
        client = seqd.AsyncClient(nc, timeout=20, attempt_timeout=0.05)
        assert await client.next("orders", "invoice") == 2
        assert requests[0].nonce != requests[1].nonce
        assert requests[0].msg.reply != requests[1].msg.reply


async def test_late_answer_on_the_next_requests_subject(server: Server) -> None:
    """An account import may rewrite reply subjects, and a late answer meets another request."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        requests: list[Request] = []

        async def handle(r: Request) -> None:
            requests.append(r)
            if r.num == 2:
                await r.raw(None, reply(1, 1, requests[0].nonce))
                await r.ids(2)

        await serve(ours, handle)
        client = seqd.AsyncClient(nc, timeout=20, attempt_timeout=0.2)
        assert await client.next("orders", "invoice") == 2


async def test_error_without_nonce(server: Server) -> None:
    """A worker that could not read the nonce still gets its error through."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, lambda r: r.raw(headers("BAD_REQUEST", "why"), b""))
        with pytest.raises(seqd.BadRequestError, match="why"):
            await seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice")
        assert len(worker) == 1


@pytest.mark.parametrize(("first", "n"), [(0, 5), (-1, 5), (1, 4), (1, 6), (2**63 - 4, 5)])
async def test_senseless_answer(server: Server, first: int, n: int) -> None:
    """An answer with the right nonce that makes no sense is a fault in seqd."""
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, lambda r: r.ids(first, n))
        with pytest.raises(seqd.InternalError):
            await seqd.AsyncClient(nc, **PATIENT).next_n("orders", "invoice", 5)
        assert len(worker) == 1


async def test_ids_are_exact(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        firsts = [2**53 - 1, 2**53 + 1, 2**62 + 1, 2**63 - 3]
        await serve(ours, lambda r: r.ids(firsts[r.num - 1]))
        client = seqd.AsyncClient(nc, **PATIENT)
        for first in firsts:
            assert list(await client.next_n("orders", "invoice", 3)) == [first, first + 1, first + 2]


async def test_many_callers_and_one_subscription(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, Counters())
        client = seqd.AsyncClient(nc, **PATIENT)
        start = time.monotonic()
        got = await asyncio.gather(*(client.next("orders", "invoice") for _ in range(1000)))
        assert sorted(got) == list(range(1, 1001))
        assert time.monotonic() - start < 10
        assert len({r.msg.reply.rsplit(".", 1)[0] for r in worker.requests}) == 1
        assert not client._inbox._waiting
