"""Idempotency keys and numbers for people, over a real NATS server."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import msgpack
import pytest
from servers import Server, nats_server
from test_sync import serving
from worker import Answers, Counters, Request, connected, eventually, serve

import seqd
from seqd import _wire

PATIENT: dict[str, Any] = {"timeout": 10.0, "attempt_timeout": 10.0}


async def test_a_repeat_is_told_from_a_first_answer(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, Answers())
        client = seqd.AsyncClient(nc, **PATIENT)
        first = await client.numbers("orders", "invoice", 2, idempotency_key="order-7")
        assert first == seqd.Numbers(seqd.Range(1, 2), "2026", ("INV-2026-000001", "INV-2026-000002"), replayed=False)
        assert (await client.numbers("orders", "invoice", 2, idempotency_key="order-7")).replayed
        assert await client.next_n("orders", "invoice", 2, idempotency_key="order-7") == first.ids
        assert await client.next("orders", "invoice", idempotency_key="Bestellung-ä-€-17") == 3
        assert await client.numbers("orders", "invoice") == seqd.Numbers(seqd.Range(4, 1), "2026", ("INV-2026-000004",))
        keys = [r.idempotency_key for r in worker.requests]
        assert keys == ["order-7", "order-7", "order-7", "Bestellung-ä-€-17", None]
        assert all(set(r.headers) == {"Seq-Timeout-Ms"} for r in worker.requests)
        assert pickle.loads(pickle.dumps(first)) == first


async def test_a_lost_answer_is_fetched_with_the_same_key(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        answers = Answers(lost={1, 2})
        worker = await serve(ours, answers)
        client = seqd.AsyncClient(nc, timeout=10, attempt_timeout=0.05)
        got = await client.numbers("orders", "invoice", 3, idempotency_key="order-7", mode="strong")
        assert got.replayed
        assert got.ids == seqd.Range(1, 3)
        assert {(r.idempotency_key, r.n, r.mode) for r in worker.requests} == {("order-7", 3, "strong")}
        assert len({r.nonce for r in worker.requests}) == len(worker) >= 3
        assert answers.last == 3  # no gap


async def test_a_lost_connection_is_overcome_with_the_same_key() -> None:
    answers = Answers(lost={1})
    with nats_server() as first:
        async with connected(first.url) as ours, connected(first.url) as nc:
            worker = await serve(ours, answers)
            client = seqd.AsyncClient(nc, timeout=20, attempt_timeout=0.5)
            call = asyncio.create_task(client.numbers("orders", "invoice", idempotency_key="order-7"))
            await eventually(lambda: len(worker) == 1)
            first.stop()
            with nats_server(port=first.port):
                got = await call
    assert (got.replayed, got.ids, answers.last) == (True, seqd.Range(1, 1), 1)


async def test_a_call_that_failed_says_how_to_get_its_ids(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, Answers(lost=set(range(1000))))
        client = seqd.AsyncClient(nc, timeout=0.3, attempt_timeout=0.05)
        with pytest.raises(seqd.TimeoutError, match="a call with the same idempotency key gets them") as caught:
            await client.next("orders", "invoice", idempotency_key="order-7")
        assert caught.value.ids_may_be_spent
        assert "gap" not in str(caught.value)
        with pytest.raises(seqd.TimeoutError, match="which leaves a gap"):
            await client.next("orders", "invoice")


@pytest.mark.parametrize("cls", [seqd.InternalError, seqd.FencedError, seqd.ExhaustedError, seqd.BadRequestError])
async def test_what_ends_a_call_at_once_does_so_with_a_key(server: Server, cls: type[seqd.Error]) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, lambda r: r.fail(cls.code))
        with pytest.raises(cls):
            await seqd.AsyncClient(nc, **PATIENT).numbers("orders", "invoice", idempotency_key="order-7")
        assert len(worker) == 1


async def test_wrong_keys_and_counts_send_nothing(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, Counters())
        client = seqd.AsyncClient(nc, **PATIENT)
        bad: list[Any] = ["", "k" * 65, "€" * 22, "\ud800", b"order-7", 7, True]
        for key in bad:
            with pytest.raises(seqd.BadRequestError, match=r"key 'invoice': BAD_REQUEST: idempotency_key") as caught:
                await client.next("orders", "invoice", idempotency_key=key)
            assert not caught.value.ids_may_be_spent
            with pytest.raises(seqd.BadRequestError, match="idempotency_key"):
                await client.numbers("orders", "invoice", idempotency_key=key)
        for n in (0, -1, 1001, 2.0, True, None):
            with pytest.raises(seqd.BadRequestError, match="n must be an int between 1 and 1000"):
                await client.numbers("orders", "invoice", n)  # type: ignore[arg-type]
        for given in ("order-7", None):  # None too: it would be taken for one of each call's own
            with pytest.raises(seqd.BadRequestError, match="for one call"):
                client.sequence("orders", "invoice", idempotency_key=given)  # type: ignore[call-arg]
            with pytest.raises(seqd.BadRequestError, match="for one call"):
                seqd.AsyncClient(nc, idempotency_key=given)  # type: ignore[call-arg]
        await nc.flush()
        assert len(worker) == 0
        for good in ("k", "k" * 64, "€" * 21 + "k", "\x00", "a b/ü"):
            await client.next("orders", "invoice", idempotency_key=good)
            assert worker.requests[-1].idempotency_key == good


async def test_a_key_without_numbers_brings_none(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, Counters())
        got = await seqd.AsyncClient(nc, **PATIENT).numbers("orders", "row", 1000)
        assert got == seqd.Numbers(seqd.Range(1, 1000), "", (), replayed=False)


async def test_as_many_numbers_as_ids(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(
            ours,
            lambda r: r.raw(None, msgpack.packb({"id": 1, "n": r.n, "numbers": ["a", "b"], "nonce": r.nonce})),
        )
        client = seqd.AsyncClient(nc, **PATIENT)
        assert (await client.numbers("orders", "invoice", 2)).numbers == ("a", "b")
        with pytest.raises(seqd.InternalError, match="a request for 3 ids with 2 numbers") as caught:
            await client.numbers("orders", "invoice", 3, idempotency_key="order-7")
        assert (caught.value.attempts, caught.value.ids_may_be_spent, len(worker)) == (1, True, 2)
        assert await client.next_n("orders", "invoice", 3) == seqd.Range(1, 3)  # which asks for no numbers


async def test_numbers_of_any_text(server: Server) -> None:
    numbers = ["№ 7", "", "n" * 300, "😀"]

    async def handle(r: Request) -> None:
        body = {"id": 2**63 - 4, "n": 4, "period": "2026-27", "numbers": numbers, "nonce": r.nonce}
        await r.raw({"Seq-Replayed": "true"}, msgpack.packb(body))

    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, handle)
        got = await seqd.AsyncClient(nc, **PATIENT).numbers("orders", "invoice", 4)
        assert got == seqd.Numbers(seqd.Range(2**63 - 4, 4), "2026-27", tuple(numbers), replayed=True)


def test_threads(server: Server) -> None:
    with serving(server.url, Answers()) as worker, seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=10)
        assert client.next("orders", "invoice", idempotency_key="order-7") == 1
        assert client.next_n("orders", "invoice", 1, idempotency_key="order-7") == seqd.Range(1, 1)
        got = client.numbers("orders", "invoice", idempotency_key="order-7")
        assert got == seqd.Numbers(seqd.Range(1, 1), "2026", ("INV-2026-000001",), replayed=True)
        assert client.numbers("orders", "invoice", 2).ids == seqd.Range(2, 2)
        with pytest.raises(seqd.BadRequestError, match="for one call"):
            client.sequence("orders", "invoice", idempotency_key="order-7")  # type: ignore[call-arg]
        assert len(worker) == 4


@pytest.mark.parametrize(
    ("fields", "period", "numbers"),
    [
        ({"period": "2026", "number": "x"}, "2026", ("x",)),
        ({"period": 2026, "number": 7}, "", ()),
        ({"numbers": ["x", 7]}, "", ()),
        ({"numbers": {"x": "y"}}, "", ()),
        ({"numbers": [["x"]], "period": "later"}, "later", ()),
        ({"numbers": []}, "", ()),
        ({"numbers": "x"}, "", ()),
        ({"numbers": None, "number": b"x"}, "", ()),
    ],
)
def test_what_is_no_number(fields: dict[str, Any], period: str, numbers: tuple[str, ...]) -> None:
    """A field of another type counts as absent, as everywhere on the wire."""
    answer = _wire.decode_answer(None, msgpack.packb({"id": 5, "n": 1} | fields))
    assert answer.error is None
    assert (answer.ids, answer.period, answer.numbers, answer.replayed) == (range(5, 6), period, numbers, False)


def test_cut_numbers_are_no_answer() -> None:
    body = msgpack.packb({"id": 5, "n": 2, "period": "2026", "numbers": ["a", "b" * 40], "nonce": 7})
    for size in range(len(body)):
        assert isinstance(_wire.decode_answer(None, body[:size]).error, seqd.InternalError)
    claims = b"\x81\xa7numbers\xdd\xff\xff\xff\xff"  # 2^32 - 1 of them, and nothing there
    assert isinstance(_wire.decode_answer(None, claims).error, seqd.InternalError)


@pytest.mark.parametrize("value", ["false", "TRUE", "1", ""])
def test_only_true_is_a_repeat(value: str) -> None:
    assert not _wire.decode_answer({"Seq-Replayed": value}, msgpack.packb({"id": 5, "n": 1})).replayed


def test_numbers_as_text() -> None:
    assert str(seqd.Numbers(seqd.Range(1, 2), "2026", ("A-1", "A-2"))) == "A-1 A-2"
    assert str(seqd.Numbers(seqd.Range(7, 10))) == "7..16"
