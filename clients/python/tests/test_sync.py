"""The client for threads, over a real NATS server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from servers import Server
from worker import Counters, Handler, Request, Worker, connected, serve

import seqd
from seqd._crossing import Crossing, ThreadCall


@contextmanager
def serving(url: str, handle: Handler) -> Iterator[Worker]:
    """Serve in a thread."""
    ready = threading.Event()
    workers: list[Worker] = []

    async def main() -> None:
        async with connected(url) as nc:
            workers.append(await serve(nc, handle))
            stop.append((asyncio.get_running_loop(), asyncio.Event()))
            ready.set()
            await stop[0][1].wait()

    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(10)
        yield workers[0]
    finally:
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join()


def in_threads(count: int, do: Any) -> None:
    threads = [threading.Thread(target=do) for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def test_calls(server: Server) -> None:
    with serving(server.url, Counters()) as worker, seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=10)
        assert client.next("orders", "invoice") == 1
        assert client.next_n("orders", "invoice", 3, mode="strong") == seqd.Range(2, 3)
        assert [(r.n, r.mode) for r in worker.requests] == [(1, "default"), (3, "strong")]
        with pytest.raises(seqd.BadRequestError):
            client.next("a.b", "k")
        with pytest.raises(TypeError, match="no option 'tiemout'; there are mode, timeout, attempt_timeout"):
            client.next("orders", "k", tiemout=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="no option 'root'"):  # of a client only
            client.next("orders", "k", root="other")  # type: ignore[call-arg]


def test_threads(server: Server) -> None:
    with serving(server.url, Counters()), seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=10)
        got: list[int] = []
        in_threads(16, lambda: got.extend(client.next("orders", "invoice") for _ in range(20)))
        assert sorted(got) == list(range(1, 321))


@pytest.mark.parametrize("prefetch", [0, 64])
def test_sequence(server: Server, prefetch: int) -> None:
    with serving(server.url, Counters()) as worker, seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=10)
        seq = client.sequence("orders", "invoice", prefetch=prefetch)
        got: list[list[int]] = []

        def ask() -> None:
            mine = [i for n in (1, 2, 3) * 20 for i in (seq.next_n(n) if n > 1 else [seq.next()])]
            got.append(mine)

        in_threads(16, ask)
        everything = [i for mine in got for i in mine]
        assert len(set(everything)) == len(everything) == 16 * 120
        assert all(mine == sorted(mine) for mine in got)
        if not prefetch:
            assert sorted(everything) == list(range(1, 16 * 120 + 1))
        assert len(worker) < 16 * 60
        assert {r.mode for r in worker.requests} == {"weak" if prefetch else "default"}
        seq.close()
        with pytest.raises(seqd.ClosedError):
            seq.next()


def test_close_wakes_those_who_wait(server: Server) -> None:
    arrived = threading.Event()

    async def silent(_: Request) -> None:
        arrived.set()

    with serving(server.url, silent), seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=60, attempt_timeout=60)
        errors: list[seqd.Error] = []

        def ask() -> None:
            try:
                client.next("orders", "invoice")
            except seqd.ClosedError as e:
                errors.append(e)

        thread = threading.Thread(target=ask)
        thread.start()
        assert arrived.wait(10)
        start = time.monotonic()
        nc.close()
        thread.join()
        assert time.monotonic() - start < 5
        assert [e.ids_may_be_spent for e in errors] == [True]
        nc.close()
        with pytest.raises(seqd.ClosedError):
            client.next("orders", "invoice")


def test_no_server() -> None:
    before = threading.active_count()
    start = time.monotonic()
    with pytest.raises(seqd.NotConnectedError, match="no connection to nats://127"):
        seqd.connect("nats://127.0.0.1:1", timeout=0.3)
    assert time.monotonic() - start < 5
    with pytest.raises(TypeError):
        seqd.connect("nats://127.0.0.1:1", nmae="mine")
    with pytest.raises(TypeError, match=r"seqd\.connect"):
        seqd.Client("nats://127.0.0.1:1")  # type: ignore[arg-type]
    assert threading.active_count() == before


def test_no_workers(server: Server) -> None:
    with seqd.connect(server.url) as nc, pytest.raises(seqd.NoWorkersError):
        seqd.Client(nc, no_responders_patience=0).next("orders", "invoice")


def test_its_own_thread_must_not_wait_for_it(server: Server) -> None:
    outcome: list[Exception] = []

    async def reconnected() -> None:
        pass

    with seqd.connect(server.url, reconnected_cb=reconnected, name="mine") as nc:
        client = seqd.Client(nc)

        async def wrong() -> None:
            try:
                client.next("orders", "invoice")
            except RuntimeError as e:
                outcome.append(e)

        nc.run(wrong())
    assert "wait for itself" in str(outcome[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork(server: Server) -> None:
    """A child has no thread to wait for: an error rather than a hang."""
    with seqd.connect(server.url) as nc:
        client = seqd.Client(nc)
        pid = os.fork()
        if pid == 0:
            signal.alarm(10)  # should it hang all the same
            try:
                client.next("orders", "invoice")
            except RuntimeError as e:
                os._exit(7 if "fork" in str(e) else 8)
            os._exit(9)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 7


def test_crossing_does_all_that_it_accepted() -> None:
    """Threads hand over while the loop closes the crossing: what was accepted is done once, in order, and no more."""
    for _ in range(20):
        loop = asyncio.new_event_loop()
        crossing = Crossing(loop)
        did: list[tuple[int, int]] = []
        accepted: list[tuple[int, int]] = []
        begun = threading.Barrier(5)

        def post(caller: int, crossing: Crossing = crossing, did: Any = did, accepted: Any = accepted) -> None:
            begun.wait()  # noqa: B023
            for i in range(1000):
                if not crossing.post(did.append, (caller, i)):
                    return
                accepted.append((caller, i))

        async def close(crossing: Crossing = crossing, did: Any = did) -> None:
            begun.wait()  # noqa: B023
            while len(did) < 100:  # noqa: ASYNC110
                await asyncio.sleep(0)
            crossing.close()

        threads = [threading.Thread(target=post, args=(caller,)) for caller in range(4)]
        for t in threads:
            t.start()
        loop.run_until_complete(close())
        for t in threads:
            t.join()
        loop.close()
        assert sorted(did) == sorted(accepted)
        for caller in range(4):
            assert [i for c, i in did if c == caller] == list(range(sum(c == caller for c, _ in did)))
        assert not crossing.post(did.append, (0, 0))


def answers(loop: asyncio.AbstractEventLoop, calls: list[ThreadCall]) -> None:
    """Give all calls their outcome within one pass of the loop."""

    def all_at_once() -> None:
        for i, call in enumerate(calls):
            call.set_result(i)

    loop.call_soon_threadsafe(all_at_once)


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_each_thread_wakes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the last one the loop, for what was handed over meanwhile: nothing waits for the watch."""
    monkeypatch.setattr(seqd._crossing, "_WATCH", 3600)
    with running_loop() as loop:
        crossing = Crossing(loop)
        calls = [ThreadCall(crossing) for _ in range(8)]
        answers(loop, calls)
        assert calls[0].wait() == 0  # and no other thread takes its turn, which is the second one's
        did = threading.Event()
        assert crossing.post(did.set)
        for i, call in enumerate(calls[1:], 1):
            assert not did.is_set()
            assert call.wait() == i
        assert did.wait(10)


@pytest.mark.parametrize("interrupted", [0, 3])
def test_a_thread_that_was_interrupted_holds_up_nobody(interrupted: int) -> None:
    """Its turn came, and it never woke the next one, or the loop for what others handed over."""
    with running_loop() as loop:
        crossing = Crossing(loop)
        calls = [ThreadCall(crossing) for _ in range(4)]
        answers(loop, calls)
        did = threading.Event()
        for i, call in enumerate(calls):
            assert call._wake.acquire(timeout=10)
            if i == 0:
                assert crossing.post(did.set)
            if i != interrupted:
                crossing.wake_next()
        assert did.wait(10)


def test_close_wakes_those_who_wait_for_a_sequence(server: Server) -> None:
    """Also those whose batch no request has been sent for: its task may never have begun."""

    async def silent(_: Request) -> None:
        return None

    with serving(server.url, silent):
        for _ in range(20):
            with seqd.connect(server.url) as nc:
                seq = seqd.Client(nc, timeout=60, attempt_timeout=60).sequence("orders", "invoice")
                begun = threading.Barrier(9)
                codes: list[str] = []

                def ask(seq: seqd.Sequence = seq, begun: Any = begun, codes: Any = codes) -> None:
                    begun.wait()
                    try:
                        seq.next()
                    except seqd.ClosedError as e:
                        codes.append(e.code)

                threads = [threading.Thread(target=ask) for _ in range(8)]
                for t in threads:
                    t.start()
                begun.wait()
                nc.close()
                for t in threads:
                    t.join(10)
                assert codes == ["CLOSED"] * 8


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads here")
@pytest.mark.parametrize("shared", [False, True])
def test_an_interrupted_call_gives_up(server: Server, shared: bool) -> None:
    """Ctrl-C ends a call that waits, which asks no more, and the connection goes on serving."""
    arrived = threading.Event()
    counters = Counters()

    async def silent_once(r: Request) -> Any:
        if not arrived.is_set():
            arrived.set()
            return None
        return await counters(r)

    def interrupt(main: int) -> None:
        assert arrived.wait(10)
        signal.pthread_kill(main, signal.SIGINT)

    with serving(server.url, silent_once) as worker, seqd.connect(server.url) as nc:
        client = seqd.Client(nc, timeout=60, attempt_timeout=60)
        seq = client.sequence("orders", "invoice")
        thread = threading.Thread(target=interrupt, args=(threading.get_ident(),))
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            seq.next() if shared else client.next("orders", "invoice")
        thread.join()
        assert (seq.next() if shared else client.next("orders", "invoice")) == 1
        assert len(worker) == 2


def test_with_closes_a_sequence(server: Server) -> None:
    with serving(server.url, Counters()), seqd.connect(server.url) as nc:
        with seqd.Client(nc, timeout=10).sequence("orders", "invoice") as seq:
            assert seq.next() == 1
        with pytest.raises(seqd.ClosedError):
            seq.next()
        seq.close()
    seq.close()  # when the connection is closed, too


def test_with_closes_a_client_but_no_connection(server: Server) -> None:
    with serving(server.url, Counters()), seqd.connect(server.url) as nc:
        with seqd.Client(nc, timeout=10) as client:
            assert client.next("orders", "invoice") == 1
        with pytest.raises(seqd.ClosedError, match="client is closed"):
            client.next("orders", "invoice")
        assert seqd.Client(nc, timeout=10).next("orders", "invoice") == 2
    client.close()
