import assert from "node:assert/strict";
import { test } from "node:test";
import { BadRequestError, ExhaustedError, FencedError } from "@seqd/client";
import { answered } from "#seqd/fault.js";
import { checkOrder, type Op, Source } from "./source.js";

test("only weak sequences may have a stock", (t) => {
  const src = new Source();
  for (const options of [
    { prefetch: 1 },
    { prefetch: -1 },
    { prefetch: 2.5 },
    { prefetch: 9, mode: "strong" as const },
  ]) {
    assert.throws(() => src.sequence(t, options), BadRequestError);
  }
});

// From one source the ids of a sequence increase in the order in which they are handed out, whoever
// asks, and none comes twice.
test("a stock keeps order", async (t) => {
  for (let round = 0; round < 20; round++) {
    const src = new Source();
    const seq = src.sequence(t, { prefetch: 2 + round * 5 });
    const ops: Op[] = [];
    const caller = async (_: unknown, i: number) => {
      for (let call = 0; call < 100; call++) {
        await src.clock.sleep(Math.random() * 2);
        const n = 1 + Math.max(0, Math.floor(Math.random() * 8) - 4);
        const gone = new AbortController();
        const stop = src.clock.after(1 + i, () => gone.abort());
        const start = src.clock.now();
        const ids = await seq.nextN(n, { signal: gone.signal }).catch(() => undefined);
        stop();
        if (ids) ops.push({ start, end: src.clock.now(), ids });
      }
    };
    await src.clock.run(Promise.all(Array.from({ length: 24 }, caller)));
    assert.ok(ops.length > (24 * 100) / 2, `${ops.length} operations show little`);
    checkOrder(ops);
  }
});

test("the stock is refilled before it runs out", async (t) => {
  const src = new Source();
  src.way = 100;
  const seq = src.sequence(t, { prefetch: 100_000 });
  const steady = async (ms: number) => {
    let waits = 0;
    for (const end = src.clock.now() + ms; src.clock.now() < end; await src.clock.sleep(5)) {
      const start = src.clock.now();
      await seq.next();
      if (src.clock.now() > start) waits++;
    }
    return waits;
  };
  await src.clock.run(steady(10_000));
  const before = src.requests.length;
  assert.equal(await src.clock.run(steady(30_000)), 0, "calls had to wait");
  const requests = src.requests.slice(before);
  assert.ok(requests.length >= 30 / 4 - 1 && requests.length <= 31, String(requests));
});

test("what is in stock follows the pace, between its bounds", async (t) => {
  const ahead = 1000;
  const src = new Source();
  const seq = src.sequence(t, { prefetch: ahead });
  await src.clock.run(seq.next());
  await src.clock.run(src.clock.sleep(3_600_000));
  assert.ok(src.last <= 3n, `a key used once burnt ${src.last} ids`);
  let handedOut = 1n;
  const hot = async () => {
    for (let i = 0; i < 50_000; i++, handedOut++) await seq.next();
  };
  await src.clock.run(hot());
  await src.clock.run(src.clock.sleep(60_000));
  const stock = Number(src.last - handedOut);
  assert.ok(stock >= ahead / 4 && stock <= ahead, `${stock} ids are in stock for a hot key`);
  const cold = async () => {
    for (let i = 0; i < 2000; i++, handedOut++) {
      await src.clock.sleep(10_000);
      await seq.next();
    }
  };
  await src.clock.run(cold());
  assert.ok(src.last - handedOut <= 4n, `${src.last - handedOut} ids are in stock for a cold key`);
});

test("a fault is nobody's business while there is stock, and does not last longer than its cause", async (t) => {
  const src = new Source();
  let failing = false;
  src.refuse = () => (failing ? answered("FENCED", "scripted") : undefined);
  const seq = src.sequence(t, { prefetch: 100 });
  let handedOut = 0n;
  const next = async () => {
    const id = await src.clock.run(seq.next());
    handedOut++;
    assert.ok(id >= 1n && id <= src.last);
  };
  for (let i = 0; i < 300; i++) await next();
  await src.clock.run(src.clock.sleep(100));
  failing = true;
  for (let left = src.last - handedOut; left > 0n; left--) await next();
  for (let i = 0; i < 3; i++) await assert.rejects(next(), FencedError);
  failing = false;
  await next();
});

test("no id above the last one that was received", async (t) => {
  const src = new Source();
  src.last = src.end - 500n;
  const seq = src.sequence(t, { prefetch: 64 });
  const got: bigint[] = [];
  const caller = async () => {
    for (let failed = 0; failed < 20; ) {
      await seq.next().then(
        (id) => got.push(id),
        (e) => {
          assert.ok(e instanceof ExhaustedError);
          failed++;
        },
      );
    }
  };
  await src.clock.run(Promise.all(Array.from({ length: 8 }, caller)));
  assert.equal(new Set(got).size, got.length);
  assert.ok(got.length >= 500 - 16, `${got.length} of 500`);
  assert.ok(got.every((id) => id > src.end - 500n && id <= src.end));
});

test("a range that does not fit into what is left goes past it, and so do all later calls", async (t) => {
  const src = new Source();
  const seq = src.sequence(t, { prefetch: 64 });
  let last = 0n;
  for (let i = 0; i < 1000; i++) {
    const n = i % 7 === 0 ? 1 + (i % 150) : 1;
    const ids = await src.clock.run(seq.nextN(n));
    assert.ok(ids.length === n && ids.start > last && ids.last <= src.last, `${ids.start} after ${last}`);
    last = ids.last;
    if (i % 3 === 0) await src.clock.run(src.clock.sleep(1));
  }
});

test("a store that serves few at once is found out here, too", async (t) => {
  const src = new Source();
  src.maxCount = 10;
  const seq = src.sequence(t, { prefetch: 1000 });
  for (let i = 0; i < 500; i++) await src.clock.run(seq.next());
  assert.ok(src.requests.length <= 500 / 3, `500 ids took ${src.requests.length} requests`);
});
