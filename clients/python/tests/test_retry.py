"""When a call tries again, and when it ends, on a clock that does not wait."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from instant import now

import seqd
from seqd._options import Options
from seqd._retry import explained, pause, retry

RETRIED = {"BUSY", "UNAVAILABLE", "EXPIRED", "NO_WORKERS", "TIMEOUT", "NOT_CONNECTED"}
ERRORS = [
    seqd.BadRequestError,
    seqd.FencedError,
    seqd.BusyError,
    seqd.InternalError,
    seqd.UnavailableError,
    seqd.ExpiredError,
    seqd.ExhaustedError,
    seqd.NoWorkersError,
    seqd.TimeoutError,
    seqd.NotConnectedError,
    seqd.ClosedError,
]


def script(*outcomes: seqd.Error | None) -> tuple[list[float], Callable[[int, float], Any]]:
    """Return an ask that comes to outcomes, one after the other, the last one for ever; and when it was called."""
    times: list[float] = []

    async def ask(n: int, deadline: float) -> range:
        times.append(now())
        outcome = outcomes[min(len(times), len(outcomes)) - 1]
        if outcome is not None:
            raise outcome
        return range(7, 7 + n)

    return times, ask


@pytest.mark.instant
@pytest.mark.parametrize("cls", ERRORS)
async def test_retry_by_code(cls: type[seqd.Error]) -> None:
    times, ask = script(cls("scripted"), cls("scripted"), None)
    if cls.code in RETRIED:
        assert await retry(ask, 1, Options(), 2.0) == range(7, 8)
        assert len(times) == 3
        return
    with pytest.raises(cls) as caught:
        await retry(ask, 1, Options(), 2.0)
    assert len(times) == 1
    assert not caught.value.timed_out
    assert caught.value.attempts == 1


@pytest.mark.instant
async def test_a_code_of_a_later_version_is_not_retried() -> None:
    times, ask = script(seqd.Error("scripted", code="UNHEARD_OF"), None)
    with pytest.raises(seqd.Error, match="UNHEARD_OF: scripted"):
        await retry(ask, 1, Options(), 2.0)
    assert len(times) == 1


def test_pause() -> None:
    busy = seqd.BusyError("")
    for attempt, want in enumerate([0.010, 0.020, 0.040, 0.080, 0.160, 0.160, 0.160], start=1):
        assert pause(attempt, busy, 0) == pytest.approx(want)
        assert pause(attempt, busy, 0.999) == pytest.approx(want * 1.5, rel=0.01)
    assert pause(10_000, busy, 0) == pytest.approx(0.160)
    assert pause(1, seqd.BusyError("", retry_after=0.5), 0) == 0.5
    assert 0.7 < pause(1, seqd.BusyError("", retry_after=0.5), 0.999) < 0.75
    assert pause(9, seqd.BusyError("", retry_after=0.001), 0) == pytest.approx(0.160)


@pytest.mark.instant
async def test_pauses_double_and_scatter() -> None:
    seen = set()
    for _ in range(50):
        times, ask = script(*[seqd.BusyError("")] * 4, None)
        await retry(ask, 1, Options(), now() + 2.0)
        pauses = [b - a for a, b in itertools.pairwise(times)]
        for got, least in zip(pauses, [0.010, 0.020, 0.040, 0.080], strict=True):
            assert least <= got <= least * 1.5 + 1e-9
        seen.add(round(pauses[0], 6))
    assert len(seen) > 10


@pytest.mark.instant
async def test_retry_after_is_respected() -> None:
    times, ask = script(seqd.BusyError("", retry_after=0.3), None)
    await retry(ask, 1, Options(), 2.0)
    assert times[1] - times[0] >= 0.3


@pytest.mark.instant
@pytest.mark.parametrize("cls", [e for e in ERRORS if e.code in RETRIED])
async def test_nothing_is_sent_after_the_deadline(cls: type[seqd.Error]) -> None:
    times, ask = script(cls("scripted"))
    with pytest.raises(cls) as caught:
        await retry(ask, 1, Options(), 2.0)
    assert now() <= 2.0
    assert caught.value.timed_out
    assert caught.value.attempts == len(times) > 10
    assert "gave up after" in str(caught.value)
    assert ("gap" in str(caught.value)) == cls.ids_may_be_spent == caught.value.ids_may_be_spent


@pytest.mark.instant
async def test_a_wait_past_the_deadline_ends_the_call_at_once() -> None:
    times, ask = script(seqd.BusyError("full", retry_after=3600))
    with pytest.raises(seqd.BusyError) as caught:
        await retry(ask, 1, Options(), 2.0)
    assert now() == 0
    assert len(times) == 1
    assert caught.value.timed_out
    assert caught.value.retry_after == 3600


@pytest.mark.instant
async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    times, ask = script(None)
    with pytest.raises(seqd.TimeoutError) as caught:
        await retry(ask, 1, Options(), 0.0)
    assert not times
    assert caught.value.attempts == 0


@pytest.mark.instant
async def test_attempts_are_bounded() -> None:
    given = []

    async def ask(n: int, deadline: float) -> range:
        given.append(deadline - now())
        raise seqd.BusyError("")

    with pytest.raises(seqd.BusyError):
        await retry(ask, 1, Options(attempt_timeout=0.5), 1.0)
    assert max(given) == 0.5
    assert min(given) < 0.5


@pytest.mark.instant
async def test_an_attempt_cut_short_tells_less_than_the_one_before() -> None:
    first = True

    async def ask(n: int, deadline: float) -> range:
        nonlocal first
        if first:
            first = False
            raise seqd.UnavailableError("etcd is away")
        await asyncio.sleep(deadline - now())
        raise seqd.TimeoutError("no answer")

    with pytest.raises(seqd.UnavailableError) as caught:
        await retry(ask, 1, Options(attempt_timeout=5), 1.0)
    assert caught.value.timed_out
    assert now() == 1.0


@pytest.mark.instant
@pytest.mark.parametrize("cls", [seqd.NotConnectedError, seqd.BusyError, seqd.TimeoutError, seqd.UnavailableError])
async def test_a_call_that_lost_its_connection_may_have_spent_ids(cls: type[seqd.Error]) -> None:
    """NOT_CONNECTED says that none were."""
    _, ask = script(cls("scripted"), seqd.NotConnectedError("down", hint="look"))
    with pytest.raises(seqd.TimeoutError if cls.ids_may_be_spent else seqd.NotConnectedError, match="look") as caught:
        await retry(ask, 1, Options(), 2.0)
    assert caught.value.ids_may_be_spent == cls.ids_may_be_spent


@pytest.mark.instant
async def test_no_responders_patience() -> None:
    none = seqd.NoWorkersError("")
    times, ask = script(none)
    with pytest.raises(seqd.NoWorkersError) as caught:
        await retry(ask, 1, Options(no_responders_patience=0.1), 60.0)
    assert 1 < len(times) < 6
    assert now() < 0.1
    assert not caught.value.timed_out

    times, ask = script(none)
    with pytest.raises(seqd.NoWorkersError):
        await retry(ask, 1, Options(no_responders_patience=0), 60.0)
    assert len(times) == 1

    # A worker that is met in between starts the patience anew.
    times, ask = script(*[none, seqd.UnavailableError("")] * 4, None)
    assert await retry(ask, 1, Options(no_responders_patience=0.3), now() + 60.0)


def test_errors_can_be_copied_and_sent() -> None:
    for cls in ERRORS:
        e = explained(cls("why", retry_after=0.25), "orders", "a b")
        e.timed_out = True
        for got in (e, pickle.loads(pickle.dumps(e))):
            assert type(got) is cls
            assert (got.code, got.text, got.retry_after, got.timed_out) == (cls.code, "why", 0.25, True)
            assert str(got) == f"store 'orders' key 'a b': {cls.code}: why"


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "fast"},
        {"mode": None},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": "2"},
        {"timeout": True},
        {"attempt_timeout": 0},
        {"attempt_timeout": None},
        {"no_responders_patience": -0.1},
        {"root": "a.b"},
        {"root": ""},
    ],
)
def test_options_are_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(seqd.BadRequestError, match=next(iter(changes))):
        Options(**changes)
    assert issubclass(seqd.BadRequestError, ValueError)


def test_defaults() -> None:
    o = Options()
    assert (o.root, o.mode, o.timeout, o.attempt_timeout, o.no_responders_patience) == ("seq", "default", 2, 0.5, None)
    with pytest.raises(TypeError):
        o.with_(patience=1)  # type: ignore[call-arg]
