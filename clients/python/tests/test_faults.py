"""Connections and workers that are away, on a real NATS server."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import Any

import nats
import nats.errors
import pytest
from servers import Server, nats_server
from test_vectors import vectors
from worker import Counters, Request, connected, eventually, serve

import seqd

PATIENT: dict[str, Any] = {"timeout": 10.0, "attempt_timeout": 10.0}


async def silent(_: Request) -> None:
    pass


async def test_no_workers(server: Server) -> None:
    async with connected(server.url) as nc:
        client = seqd.AsyncClient(nc, timeout=60)
        start = time.monotonic()
        with pytest.raises(seqd.NoWorkersError, match="start a worker") as caught:
            await client.next("orders", "invoice", no_responders_patience=0.05)
        assert time.monotonic() - start < 10
        assert isinstance(caught.value, nats.errors.NoRespondersError)
        assert (caught.value.code, caught.value.timed_out, caught.value.ids_may_be_spent) == (
            "NO_WORKERS",
            False,
            False,
        )
        texts = {v["code"]: v["text"] for v in vectors("errors.json", "client", "code text ids_may_be_spent")}
        assert caught.value.text == texts["NO_WORKERS"]

        with pytest.raises(seqd.NoWorkersError, match="gave up after") as caught:
            await client.next("orders", "invoice", timeout=0.3)
        assert caught.value.timed_out


async def test_worker_comes_later(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        call = asyncio.create_task(seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice"))
        await eventually(lambda: nc.stats["in_msgs"] > 0)  # NATS has told it that nobody listens
        await serve(ours, Counters())
        assert await call == 1


async def test_timeout(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, silent)
        start = time.monotonic()
        with pytest.raises(seqd.TimeoutError, match=r"no answer.*ids may have been spent") as caught:
            await seqd.AsyncClient(nc).next("orders", "invoice", timeout=0.5, attempt_timeout=0.05)
        assert time.monotonic() - start < 10
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.ids_may_be_spent
        # One that was up before it could be sent, as on a busy machine, is counted too.
        await eventually(lambda: 1 < len(worker) <= caught.value.attempts)


async def test_cancel(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        worker = await serve(ours, silent)
        client = seqd.AsyncClient(nc, **PATIENT)
        call = asyncio.create_task(client.next("orders", "invoice"))
        await eventually(lambda: len(worker) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not client._inbox._waiting
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.next("orders", "invoice"), 0.05)
        await eventually(lambda: len(worker) == 2)


async def test_closed(server: Server) -> None:
    async with connected(server.url) as nc:
        await nc.close()
        with pytest.raises(seqd.ClosedError, match="connect again") as caught:
            await seqd.AsyncClient(nc, **PATIENT).next("orders", "invoice")
        assert isinstance(caught.value, nats.errors.ConnectionClosedError)
        assert not caught.value.ids_may_be_spent


async def test_closed_during_a_call(server: Server) -> None:
    async with connected(server.url) as ours, connected(server.url) as nc:
        await serve(ours, lambda r: nc.close())
        with pytest.raises(seqd.ClosedError, match="gap"):
            await seqd.AsyncClient(nc, timeout=10, attempt_timeout=0.2).next("orders", "invoice")


async def test_nothing_is_sent_while_disconnected() -> None:
    """What is sent while the connection is down must not go out later, for callers that have given up."""
    with nats_server() as server:
        down = asyncio.Event()

        async def disconnected() -> None:
            down.set()

        async with connected(server.url, disconnected_cb=disconnected, reconnect_time_wait=60) as nc:
            client = seqd.AsyncClient(nc, timeout=0.1)
            with pytest.raises(seqd.NoWorkersError):  # the subscription is there
                await client.next("orders", "invoice")
            server.stop()
            await down.wait()
            before = nc.pending_data_size
            with pytest.raises(seqd.NotConnectedError, match="not connected") as caught:
                await client.next("orders", "invoice")
            assert isinstance(caught.value, ConnectionError)
            assert caught.value.code == "NOT_CONNECTED"
            assert not caught.value.ids_may_be_spent
            assert nc.pending_data_size == before


async def test_a_clogged_connection_holds_nobody_up(server: Server) -> None:
    """A server that stopped reading: nats-py would wait in publish for as long as it takes."""
    async with connected(server.url, pending_size=1 << 30) as nc:
        client = seqd.AsyncClient(nc, timeout=0.2)
        with pytest.raises(seqd.NoWorkersError):
            await client.next("orders", "invoice", timeout=0.05)
        server.send(signal.SIGSTOP)
        try:
            for _ in range(40):
                await nc.publish("other", bytes(500_000))
                await asyncio.sleep(0)
            before = nc.pending_data_size
            start = time.monotonic()
            with pytest.raises((seqd.TimeoutError, seqd.NotConnectedError)) as caught:
                await client.next("orders", "invoice")
            assert time.monotonic() - start < 10
            # Some releases of Python 3.12 and 3.13 take any amount, and nats-py can't know that nothing leaves.
            if before > 1 << 20:
                assert isinstance(caught.value, seqd.NotConnectedError)
                assert "clogged" in str(caught.value)
                assert nc.pending_data_size == before
            else:
                assert sys.version_info >= (3, 12)
        finally:
            server.send(signal.SIGCONT)


async def test_permission_violation() -> None:
    """A request that the server refuses gets no answer. The error says why all the same."""
    users = 'authorization { users = [{user: t, password: x, permissions: {publish: ["seq.parcels.>"]}}] }'
    with nats_server(config=users) as server:
        async with connected(server.url, user="t", password="x") as nc:
            with pytest.raises(
                seqd.TimeoutError, match=r"(?i)permissions violation for publish to .seq\.orders\.invoice"
            ):
                await seqd.AsyncClient(nc, timeout=0.4).next("orders", "invoice")


async def test_server_restart() -> None:
    """The NATS server restarts while callers ask: they notice nothing but a delay."""
    counters = Counters()
    with nats_server() as server:
        async with connected(server.url) as ours, connected(server.url) as nc:
            await serve(ours, counters)
            client = seqd.AsyncClient(nc, timeout=20, attempt_timeout=0.1)
            again = asyncio.Event()

            async def caller() -> list[int]:
                got: list[int] = []
                after = 0
                while after < 20:
                    after += again.is_set()
                    got.append(await client.next("orders", "invoice"))
                return got

            callers = [asyncio.create_task(caller()) for _ in range(4)]
            await eventually(lambda: counters.last.get("seq.orders.invoice", 0) > 80)
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            with nats_server(server.port):
                again.set()
                got = await asyncio.gather(*callers)
                for ids in got:
                    assert ids == sorted(ids)
                everything = [i for ids in got for i in ids]
                assert len(set(everything)) == len(everything)
                await nc.close()
                await ours.close()


async def test_with_ends_a_client_and_its_calls(server: Server) -> None:
    """Calls that wait end with the client, whose subscription is gone; the connection and other clients go on."""

    async def silent_at_first(request: Request) -> None:
        if request.num > 1:
            await request.ids(7)

    async with connected(server.url) as nc, connected(server.url) as theirs:
        worker = await serve(theirs, silent_at_first)
        async with seqd.AsyncClient(nc, timeout=60, attempt_timeout=60) as client:
            call = asyncio.create_task(client.next("orders", "invoice"))
            await eventually(lambda: len(worker) == 1)
        with pytest.raises(seqd.ClosedError, match="client is closed") as caught:
            await call
        assert caught.value.ids_may_be_spent
        assert not nc._subs
        with pytest.raises(seqd.ClosedError) as caught:
            await client.sequence("orders", "invoice").next()
        assert not caught.value.ids_may_be_spent
        await client.close()
        assert await seqd.AsyncClient(nc).next("orders", "invoice") == 7
