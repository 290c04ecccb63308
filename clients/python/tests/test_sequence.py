"""Calls that share requests, on a clock that does not wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from history import Op, check
from instant import Source, now

import seqd
from seqd._batch import Batch, Outcome
from seqd._crossing import Crossing, ThreadCall
from seqd._sequence import GATHER_PART, GATHER_TIME
from seqd._wire import MAX_ID

pytestmark = pytest.mark.instant


class Stamps:
    """Times of which no two are equal: what happened in sequence is known to have."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> int:
        self.last += 1
        return self.last


async def caller(
    ops: list[Op],
    stamp: Stamps,
    rnd: random.Random,
    ask: Callable[[int], Awaitable[seqd.Range]],
    *,
    rounds: int,
    pause: float,
    patience: Callable[[int], float] = lambda n: 3600.0,
) -> None:
    """Call ask again and again, and write down what it got."""
    for _ in range(rounds):
        await asyncio.sleep(rnd.random() * pause)
        n = 1 + max(0, rnd.randrange(8) - 4)
        start = stamp()
        try:
            ids = await asyncio.wait_for(ask(n), patience(n))
        except asyncio.TimeoutError:
            continue
        assert len(ids) == n
        ops.append(Op(start, stamp(), ids, strong=True))


async def test_calls_share() -> None:
    """Calls that come while a request is under way share the next one, which is for exactly their ids."""
    source = Source(way=0.005)
    seq = source.sequence()
    first = asyncio.create_task(seq.next_n(1))
    await asyncio.sleep(0.001)
    calls = [asyncio.create_task(seq.next_n(1 + n % 3)) for n in range(10)]
    await first
    assert now() == pytest.approx(0.010)
    got = [i for c in [first, *calls] for i in await c]
    assert now() == pytest.approx(0.020)
    assert sorted(got) == list(range(1, 21))
    assert source.asks == [1, 19]


async def test_alone() -> None:
    source = Source()
    seq = source.sequence()
    assert [await seq.next() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert source.asks == [1] * 5


async def test_served_calls_come_again_together() -> None:
    """Two crowds that ask again at once become one: else each would wait for the other, time and again."""
    source = Source()
    seq = source.sequence()

    async def loop() -> None:
        for _ in range(20):
            await asyncio.wait_for(seq.next(), 60)

    first = asyncio.gather(*(loop() for _ in range(25)))
    await asyncio.sleep(0.0005)
    await asyncio.gather(first, *(loop() for _ in range(25)))
    assert source.last == 1000
    assert len(source.asks) <= 23


async def test_a_batch_gathers_for_a_part_of_its_calls_time() -> None:
    """Where the request before takes long: a later call has its whole time, in a batch of its own."""
    source = Source(way=0.2)
    seq = source.sequence(timeout=0.2 * GATHER_PART, attempt_timeout=1)
    for _ in range(2):  # the second time, a timer of the first is still set
        calls = []
        for pause in (0.01, 0.09, 0.2, 0.05):
            calls.append(asyncio.create_task(seq.next()))
            await asyncio.sleep(pause)
        await asyncio.gather(*calls)
    assert source.asks == [1, 2, 1] * 2


@pytest.mark.parametrize("seed", range(20))
async def test_strict(seed: int) -> None:
    """A request is sent after the calls it serves began: others draw from the same counter meanwhile."""
    source = Source()
    seq = source.sequence(mode="strong")
    ops: list[Op] = []
    stamp, rnd = Stamps(), random.Random(seed)

    async def other_client(n: int) -> seqd.Range:
        return seqd.Range(source.draw(n).start, n)

    tasks = []
    for i in range(24):
        kind: dict[str, Any] = {"rounds": 40, "pause": 0.003}
        if i % 4 == 1:  # one that often gives up
            kind["patience"] = lambda n: (1 + n) * 0.0007
        ask = other_client if i % 4 == 0 else seq.next_n
        tasks.append(caller(ops, stamp, rnd, ask, **kind))
    await asyncio.gather(*tasks)
    check(ops)
    assert len(ops) > 24 * 40 / 2


async def test_nothing_is_kept() -> None:
    """What a call would have got that gave up is a gap, and never the next call's."""
    source = Source()
    seq = source.sequence(mode="strong")
    calls = [asyncio.create_task(seq.next()) for _ in range(3)]
    await asyncio.sleep(0.0005)  # the request is under way
    calls[1].cancel()
    assert (await calls[0], await calls[2]) == (1, 3)
    source.last = 100  # others go on
    assert await seq.next() == 101


async def test_who_gives_up_before_the_request_burns_nothing() -> None:
    source = Source()
    seq = source.sequence()
    first = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0005)
    calls = [asyncio.create_task(seq.next_n(5)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    calls[1].cancel()
    assert await first == 1
    assert await calls[2] == seqd.Range(2, 5)
    assert source.asks == [1, 5]


async def test_who_waits_for_nobody_is_not_tried_again() -> None:
    source = Source(refuse=lambda num: seqd.BusyError("full"))
    seq = source.sequence()
    call = asyncio.create_task(seq.next())
    await asyncio.sleep(0.015)
    call.cancel()
    await asyncio.sleep(0)
    asks = len(source.asks)
    await asyncio.sleep(5)
    assert len(source.asks) == asks
    source.refuse = lambda num: None
    assert await seq.next() == 1


async def test_a_call_that_gives_up_frees_the_next() -> None:
    """An answer that nobody waits for holds nobody up."""
    source = Source(way=0.2)
    seq = source.sequence()
    call = asyncio.create_task(seq.next())
    await asyncio.sleep(0.001)
    later = asyncio.create_task(seq.next())
    await asyncio.sleep(0)
    call.cancel()
    await later
    assert now() == pytest.approx(0.401)
    assert source.left == 1


async def test_a_call_that_gives_up_when_it_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ids are there, but it has been cancelled: that must not end what the next calls wait for."""
    source = Source()
    seq = source.sequence()
    call = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0005)
    later = [asyncio.create_task(seq.next()) for _ in range(2)]
    finish = Batch.finish

    def finish_too_late(batch: Batch, ids: range) -> range:
        rest = finish(batch, ids)
        call.cancel()
        return rest

    monkeypatch.setattr(Batch, "finish", finish_too_late)
    assert await asyncio.gather(*later) == [2, 3]
    assert call.cancelled()


async def test_a_call_that_gives_up_during_a_probe() -> None:
    source = Source(max_count=2)
    seq = source.sequence()
    first = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0005)
    calls = [asyncio.create_task(seq.next_n(2)) for _ in range(2)]
    await first
    await asyncio.sleep(0.0015)
    assert source.asks == [1, 4, 1]  # 4 were refused; now it finds out why
    later = asyncio.create_task(seq.next())
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    assert await later > 1


async def test_limit_of_the_store() -> None:
    """A store that serves few at once is found out, without an error or a gap."""
    source = Source(max_count=10)
    seq = source.sequence(mode="strong")
    blocked = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0001)
    too_many = asyncio.create_task(seq.next_n(11))
    await asyncio.sleep(0)
    calls = [asyncio.create_task(seq.next()) for _ in range(100)]
    got = [await c for c in [blocked, *calls]]
    assert sorted(got) == list(range(1, 102))
    with pytest.raises(seqd.BadRequestError, match="too many"):
        await too_many
    before = len(source.asks)
    await asyncio.gather(*(seq.next() for _ in range(100)))
    assert len(source.asks) - before <= 25


async def test_to_the_end() -> None:
    """The last ids of a key go to as many calls as they suffice for."""
    source = Source(last=MAX_ID - 21)
    seq = source.sequence()
    calls = [asyncio.create_task(seq.next())]
    await asyncio.sleep(0.0001)
    calls += [asyncio.create_task(seq.next()) for _ in range(50)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    got = [o for o in outcomes if isinstance(o, int)]
    assert sorted(got) == list(range(MAX_ID - 20, MAX_ID + 1))
    assert {type(o) for o in outcomes} == {int, seqd.ExhaustedError}


async def test_an_error_goes_to_all_of_its_batch_and_no_further() -> None:
    source = Source(refuse=lambda num: seqd.FencedError("operator") if num == 2 else None)
    seq = source.sequence()
    first = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0001)
    second = [asyncio.create_task(seq.next()) for _ in range(3)]
    outcomes = await asyncio.gather(first, *second, return_exceptions=True)
    assert outcomes[0] == 1
    errors = [o for o in outcomes[1:] if isinstance(o, seqd.FencedError)]
    assert len(errors) == 3
    assert len({id(e) for e in errors}) == 3  # each has its own traceback
    assert str(errors[0]) == "store 'orders' key 'invoice': FENCED: operator"
    assert await seq.next() == 2


async def test_timeout() -> None:
    source = Source(way=3600)
    seq = source.sequence(timeout=2.0, attempt_timeout=0.5)
    calls = [asyncio.create_task(seq.next()) for _ in range(3)]
    await asyncio.sleep(0.1)
    calls += [asyncio.create_task(seq.next()) for _ in range(3)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(o, seqd.TimeoutError) and o.timed_out for o in outcomes)
    assert now() <= 2.1 + 0.001


async def test_a_batch_gathers_for_a_part_of_the_time_only() -> None:
    """All calls of a batch have the same deadline, so a late one must not join an old batch."""
    source = Source(way=0.7)
    seq = source.sequence(timeout=3.2, attempt_timeout=3.2)
    first = asyncio.create_task(seq.next())
    await asyncio.sleep(0.01)
    early = asyncio.create_task(seq.next())
    await asyncio.sleep(0.15)
    joins = asyncio.create_task(seq.next())
    await asyncio.sleep(0.15)
    late = asyncio.create_task(seq.next())
    await asyncio.gather(first, early, joins)
    assert source.asks == [1, 2]
    with pytest.raises(seqd.TimeoutError):
        await late  # there was time to ask, too little for an answer
    assert now() == pytest.approx(0.31 + 3.2)


async def test_close() -> None:
    source = Source()
    seq = source.sequence()
    under_way = asyncio.create_task(seq.next())
    await asyncio.sleep(0.0005)
    waits = asyncio.create_task(seq.next())
    await asyncio.sleep(0)
    seq.close()
    seq.close()
    for call in (under_way, waits):
        with pytest.raises(seqd.ClosedError, match="the sequence is closed") as caught:
            await call
        assert caught.value.ids_may_be_spent == (call is under_way)
    with pytest.raises(seqd.ClosedError):
        await seq.next()
    assert source.asks == [1]


async def test_close_at_once() -> None:
    """The task that sends was cancelled before it began, and so never ran: calls waited for ever."""
    seq = Source().sequence()
    call = asyncio.create_task(seq.next())
    await asyncio.sleep(0)
    seq.close()
    with pytest.raises(seqd.ClosedError):
        await call


async def test_arguments() -> None:
    source = Source()
    for prefetch, options in [(-1, {}), (1, {}), (True, {}), (2.0, {}), (100, {"mode": "strong"})]:
        with pytest.raises(seqd.BadRequestError, match="prefetch"):
            source.sequence(prefetch, **options)  # type: ignore[arg-type]
    for prefetch in (0, 100):
        seq = source.sequence(prefetch)
        for n in (0, -1, 2**32, 1.5, True, "1", None):
            with pytest.raises(seqd.BadRequestError, match="n must be"):
                await seq.next_n(n)  # type: ignore[arg-type]
    assert not source.asks


async def test_the_end_of_the_loop_wakes_threads() -> None:
    """A loop that ends cancels the task that sends, perhaps before it has begun: threads wait for what it does."""
    source = Source()
    seq = source.sequence()
    before = asyncio.all_tasks()
    call = ThreadCall(Crossing(asyncio.get_running_loop()))
    seq._serve_thread(call, 1)
    (sender,) = asyncio.all_tasks() - before
    sender.cancel()
    await asyncio.wait([sender])
    await asyncio.sleep(0)
    assert call.done()
    assert isinstance(call.outcome, seqd.ClosedError)
    assert source.asks == []


async def test_with_closes_a_sequence() -> None:
    async with Source().sequence() as seq:
        assert await seq.next() == 1
    with pytest.raises(seqd.ClosedError):
        await seq.next()


async def test_threads_that_come_again_share_every_request() -> None:
    """Their calls are waited for until all are there, or for a moment if some stay away."""
    source = Source(way=0.005)
    seq = source.sequence()

    def ask(many: int) -> list[asyncio.Future[Outcome]]:
        calls = [asyncio.get_running_loop().create_future() for _ in range(many)]  # threads, as far as it sees
        for call in calls:
            seq._serve_thread(call, 1)
        return calls

    async def served(calls: list[asyncio.Future[Outcome]]) -> list[Outcome]:
        return [await call for call in calls]

    assert await served(ask(8)) == list(range(1, 9))
    first = ask(5)
    await asyncio.sleep(GATHER_TIME / 2)
    sent = now()
    got = await served(first + ask(3))
    assert got == list(range(9, 17))
    assert now() - sent == pytest.approx(0.010)  # nothing was waited for once all were there
    start = now()
    assert await served(ask(2)) == [17, 18]
    assert now() - start == pytest.approx(0.010 + GATHER_TIME)
    assert source.asks == [8, 8, 2]
