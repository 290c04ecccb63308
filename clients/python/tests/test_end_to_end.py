"""A real worker on a real etcd, and the programs that ship with the package."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from history import Op, check
from servers import Server, nats_server
from worker import connected

import seqd

HOME = Path(__file__).resolve().parents[1]
ODD_KEYS = ["发票/2026", "a b", "=", "a=20b", ".", "a..b", "x.y.z", "*", "a.>", "k" * 200, "\x00", "😀", " "]


async def test_both_modes_and_ranges(seqd_server: Server) -> None:
    async with connected(seqd_server.url) as nc:
        client = seqd.AsyncClient(nc, timeout=10)
        assert [await client.next("e2e", "dense", mode="strong") for _ in range(3)] == [1, 2, 3]
        assert await client.next_n("e2e", "dense", 100_000, mode="strong") == seqd.Range(4, 100_000)
        weak = [await client.next("e2e", "dense", mode="weak") for _ in range(3)]
        assert weak == sorted(weak)
        assert weak[0] > 100_003
        assert await client.next("e2e", "dense", mode="strong") > weak[-1]
        with pytest.raises(seqd.BadRequestError, match="100"):
            await client.next_n("e2e", "dense", 100_001)


async def test_odd_keys_are_different_keys(seqd_server: Server) -> None:
    async with connected(seqd_server.url) as nc:
        client = seqd.AsyncClient(nc, timeout=10, mode="strong")
        for n in (1, 2):
            for key in ODD_KEYS:
                assert await client.next("odd", key) == n


async def test_tasks_and_threads_together(seqd_server: Server) -> None:
    """Single calls, ranges, sequences and stock, in both modes, on one key: every promise at once."""
    ops: list[Op] = []

    def record(start: int, ids: seqd.Range, strong: bool) -> None:
        ops.append(Op(start, time.monotonic_ns(), ids, strong))

    def threads() -> None:
        with seqd.connect(seqd_server.url) as nc:
            client = seqd.Client(nc, timeout=20)
            seq = client.sequence("mix", "key", mode="strong")

            def ask(i: int) -> None:
                for _ in range(25):
                    start = time.monotonic_ns()
                    ids = seq.next_n(2) if i % 2 else client.next_n("mix", "key", 1, mode="strong")
                    record(start, ids, True)

            workers = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
            for t in workers:
                t.start()
            for t in workers:
                t.join()

    async with connected(seqd_server.url) as nc:
        client = seqd.AsyncClient(nc, timeout=20)
        strong = client.sequence("mix", "key", mode="strong")
        stock = client.sequence("mix", "key", prefetch=50)

        async def ask(i: int) -> None:
            for _ in range(25):
                start = time.monotonic_ns()
                if i % 4 == 0:
                    record(start, await client.next_n("mix", "key", 1 + i % 3, mode="strong"), True)
                elif i % 4 == 1:
                    record(start, await strong.next_n(1 + i % 3), True)
                elif i % 4 == 2:
                    record(start, await client.next_n("mix", "key", 1, mode="weak"), False)
                else:
                    first = await stock.next()
                    record(start, seqd.Range(first, 1), False)

        await asyncio.gather(asyncio.to_thread(threads), *(ask(i) for i in range(64)))
    assert len(ops) == 64 * 25 + 8 * 25
    check(ops)


def run(args: list[str], url: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NATS_URL": url}
    return subprocess.run(args, env=environment, text=True, capture_output=True, timeout=60, **more)


def test_demo(seqd_server: Server) -> None:
    got = run([sys.executable, str(HOME / "examples" / "demo.py"), "-s", "sequencer_demo"], seqd_server.url)
    ids = "".join(f"Next id:next_id:{i}\n" for i in range(1, 11))
    assert got.stdout == f"Try to get next id.Key:key666\n{ids}Demo success!\n"
    assert got.returncode == 0


@pytest.mark.parametrize(
    ("args", "url", "want"),
    [([], "", "-s"), (["-s", "a.b"], "", "store may hold"), (["-s", "x"], "nats://127.0.0.1:1", "seqd dev")],
)
def test_demo_says_what_to_try(seqd_server: Server, args: list[str], url: str, want: str) -> None:
    got = run([sys.executable, str(HOME / "examples" / "demo.py"), *args], url or seqd_server.url)
    assert got.returncode != 0
    assert want in got.stderr
    assert "success" not in got.stdout


@pytest.mark.parametrize("flags", [[], ["--threads"]])
def test_conformance_program(seqd_server: Server, flags: list[str]) -> None:
    key = "key" + "".join(flags)
    base = {"store": "conf", "key": key, "mode": "strong", "timeout_ms": 10_000}
    commands: list[dict[str, Any]] = [
        {"op": "next", "n": 3, **base},
        {"op": "next", "n": 0, **base},
        {"op": "next", "closed": True, **base},
        {"op": "next", **base, "store": "a.b"},
        {"op": "load", "callers": 8, "calls": 5, "sequence": False, "n": 2, **base},
        {"op": "load", "callers": 8, "calls": 5, "sequence": True, "n": 1, **base},
        {"op": "rate", "callers": 4, "duration_ms": 200, "sequence": True, **base},
        {"op": "numbers", "n": 2, **base, "key": "numbers" + key},
        {"op": "numbers", "n": 1001, **base},
        {"op": "next", "n": 1, **base, "idempotency_key": ""},
        {"op": "close"},
        {"op": "next", **base},
        {"op": "connect", "url": seqd_server.url},
        {"op": "next", **base},
        {"op": "what"},
    ]
    lines = "".join(json.dumps(c) + "\n" for c in commands)
    got = run([str(HOME / "conformance"), *flags], seqd_server.url, input=lines)
    results = map(json.loads, got.stdout.splitlines())
    ready, first, zero, left, dotted, single, shared, rate, plain, many, keyed, close, closed, again, one = results
    assert ready == close == again == {"ready": True}
    assert first == {"id": "1", "n": 3, "range": "1..3"}
    assert plain == {"id": "1", "n": 2, "range": "1..2", "period": "", "numbers": [], "replayed": False}
    assert zero["error"] == dotted["error"] == many["error"] == keyed["error"] == "BAD_REQUEST"
    assert left["error"] == closed["error"] == "CLOSED"
    assert not any(e["ids_may_be_spent"] for e in (zero, dotted, left, many, keyed, closed))
    assert single["errors"] == shared["errors"] == {}
    ops = [Op(s, e, seqd.Range(int(i), n), strong=True) for s, e, i, n in single["ops"] + shared["ops"]]
    assert sorted(i for op in ops for i in op.ids) == list(range(4, 124))
    check(ops)
    assert rate["ids_per_second"] > 10
    assert one["range"] == one["id"]
    assert got.returncode != 0
    assert "what" in got.stderr  # no error of the library's


def test_conformance_program_without_workers() -> None:
    with nats_server() as server:
        command = {"op": "next", "store": "s", "key": "k", "n": 1, "mode": "weak", "timeout_ms": 100}
        got = run([str(HOME / "conformance")], server.url, input=json.dumps(command) + "\n")
        assert json.loads(got.stdout.splitlines()[1])["error"] == "NO_WORKERS"
