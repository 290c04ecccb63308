"""Sequences that keep weak ids in stock, on a clock that does not wait."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from history import Op, check
from instant import Source, now
from test_sequence import Stamps, caller

import seqd
from seqd._stock import Span
from seqd._wire import MAX_ID


@pytest.mark.instant
@pytest.mark.parametrize("seed", range(20))
async def test_order(seed: int) -> None:
    """From one source ids increase in the order in which they are handed out, and none comes twice."""
    source = Source()
    seq = source.sequence(2 + 5 * seed)
    ops: list[Op] = []
    stamp, rnd = Stamps(), random.Random(seed)

    def patience(i: int) -> float:
        return (1 + i) * 0.001

    await asyncio.gather(
        *(
            caller(ops, stamp, rnd, seq.next_n, rounds=100, pause=0.002, patience=lambda n, i=i: patience(i))  # type: ignore[misc]
            for i in range(24)
        )
    )
    check(ops)
    assert len(ops) > 24 * 100 / 2


@pytest.mark.instant
async def test_it_refills_before_it_runs_out() -> None:
    """Once the stock fits the pace, nobody waits, and requests are rare."""
    source = Source(way=0.1)
    seq = source.sequence(100_000)

    async def steady(seconds: float) -> int:
        waits, end = 0, now() + seconds
        while now() < end:
            start = now()
            await seq.next()
            waits += now() > start
            await asyncio.sleep(0.001)
        return waits

    await steady(10)
    before = len(source.asks)
    assert await steady(60) == 0
    assert 60 / 4 - 1 <= len(source.asks) - before <= 61


@pytest.mark.instant
async def test_its_size_follows_the_pace() -> None:
    ahead = 1000
    source = Source()
    seq = source.sequence(ahead)
    await seq.next()
    await asyncio.sleep(3600)
    assert source.last <= 3  # a key used once burns few ids

    handed_out = 1
    for _ in range(20_000):
        await seq.next()
        handed_out += 1
    await asyncio.sleep(60)
    assert ahead / 4 <= source.last - handed_out <= ahead
    for _ in range(5_000):
        await asyncio.sleep(10)
        await seq.next()
        handed_out += 1
    assert source.last - handed_out <= 4


@pytest.mark.instant
async def test_errors() -> None:
    """A fault is nobody's business while there is stock; then it is, and no longer than its cause lasts."""
    failing = False
    source = Source(refuse=lambda num: seqd.FencedError("operator") if failing else None)
    seq = source.sequence(100)
    handed_out = 0
    for _ in range(1000):
        handed_out = max(handed_out, await seq.next())
    await asyncio.sleep(0.1)
    failing = True
    for _ in range(source.last - handed_out):
        assert await seq.next() > handed_out
        await asyncio.sleep(0.01)
    for _ in range(3):
        with pytest.raises(seqd.FencedError):
            await seq.next()
    failing = False
    assert await seq.next() > source.last - 200


@pytest.mark.instant
async def test_to_the_end() -> None:
    left = 1000
    source = Source(last=MAX_ID - left)
    seq = source.sequence(64)
    got: list[int] = []

    async def drain() -> None:
        failed = 0
        while failed < 100:
            try:
                got.append(await seq.next())
            except seqd.ExhaustedError:
                failed += 1

    await asyncio.gather(*(drain() for _ in range(8)))
    assert len(set(got)) == len(got) >= left - 16
    assert min(got) == MAX_ID - left + 1
    assert max(got) <= MAX_ID


@pytest.mark.instant
async def test_strong_has_no_stock() -> None:
    """Not even one that came with the client's mode."""
    source = Source()
    seq = source.sequence(mode="strong")
    for _ in range(100):
        await seq.next()
    assert source.last == 100
    with pytest.raises(seqd.BadRequestError, match="would break the order"):
        source.sequence(10, mode="strong")


@pytest.mark.instant
async def test_close() -> None:
    source = Source()
    seq = source.sequence(100)
    for _ in range(100):
        await seq.next()
    seq.close()
    with pytest.raises(seqd.ClosedError):
        await seq.next()


def test_span_for_many_threads() -> None:
    span = Span(range(1, 40_001))
    got: list[list[int]] = [[] for _ in range(8)]

    def take(mine: list[int]) -> None:
        while (first := span.take(3)) is not None:
            mine.extend(range(first, first + 3))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in got]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    everything = [i for mine in got for i in mine]
    assert len(set(everything)) == len(everything) == 39_999
    assert all(mine == sorted(mine) for mine in got)
    assert span.take(1) is None  # the rest was given up: somebody is going to get greater ids
