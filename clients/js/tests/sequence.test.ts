import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BadRequestError,
  BusyError,
  ClosedError,
  ExhaustedError,
  FencedError,
  TimeoutError,
} from "@seqd/client";
import { answered } from "#seqd/fault.js";
import { IdRange } from "#seqd/range.js";
import { checkOrder, type Op, Source } from "./source.js";

test("calls that come while a request is under way share the next one", async (t) => {
  const src = new Source();
  src.way = 5;
  const seq = src.sequence(t, { mode: "strong" });
  const first = seq.next();
  await src.clock.settle();
  const ns = Array.from({ length: 10 }, (_, i) => 1 + (i % 3));
  const others = Promise.all(ns.map((n) => seq.nextN(n)));
  assert.equal(await src.clock.run(first), 1n);
  assert.equal(src.clock.now(), 10);
  const got = (await src.clock.run(others)).flatMap((ids) => [...ids]);
  assert.equal(src.clock.now(), 20);
  assert.deepEqual(
    got,
    Array.from({ length: 19 }, (_, i) => BigInt(i + 2)),
  );
  assert.deepEqual(src.requests, [1, 19]);
});

test("one caller alone gets dense ids, and a request for each", async (t) => {
  const src = new Source();
  const seq = src.sequence(t, { mode: "strong" });
  for (let want = 1n; want <= 5n; want++) assert.equal(await src.clock.run(seq.next()), want);
  assert.deepEqual(src.requests, [1, 1, 1, 1, 1]);
});

test("callers that come again at once share every request", async (t) => {
  const src = new Source();
  const seq = src.sequence(t);
  const caller = async () => {
    for (let i = 0; i < 10; i++) await seq.next();
  };
  await src.clock.run(Promise.all(Array.from({ length: 64 }, caller)));
  assert.deepEqual(
    src.requests,
    Array.from({ length: 10 }, () => 64),
  );
});

// A request is sent after the calls it serves began: others draw from the same counter meanwhile, and
// an id that was drawn too early would be out of order.
test("strong stays strict", async (t) => {
  for (let round = 0; round < 20; round++) {
    const src = new Source();
    const seq = src.sequence(t, { mode: "strong" });
    const ops: Op[] = [];
    const caller = async (_: unknown, i: number) => {
      for (let call = 0; call < 40; call++) {
        await src.clock.sleep(Math.random() * 3);
        const n = 1 + Math.max(0, Math.floor(Math.random() * 8) - 4);
        const start = src.clock.now();
        let ids: IdRange | undefined;
        if (i % 4 === 0) {
          ids = src.draw(n) as IdRange; // another client
        } else if (i % 4 === 1) {
          const gone = new AbortController(); // one that often gives up
          const stop = src.clock.after((1 + n) * 0.7, () => gone.abort());
          ids = await seq.nextN(n, { signal: gone.signal }).catch(() => undefined);
          stop();
        } else {
          ids = await seq.nextN(n);
        }
        if (ids) ops.push({ start, end: src.clock.now(), ids });
      }
    };
    await src.clock.run(Promise.all(Array.from({ length: 24 }, caller)));
    assert.ok(ops.length > (24 * 40) / 2, `${ops.length} operations show little`);
    checkOrder(ops);
  }
});

test("the check of order finds what is wrong", () => {
  const op = (start: number, end: number, first: bigint): Op => ({ start, end, ids: new IdRange(first, 1) });
  checkOrder([op(0, 1, 1n), op(0.5, 3, 2n), op(2, 4, 3n)]);
  assert.throws(() => checkOrder([op(0, 1, 1n), op(2, 3, 1n)]), /twice/);
  assert.throws(() => checkOrder([op(0, 1, 2n), op(2, 3, 1n)]), /out of order/);
});

test("a store that serves few at once is found out, without an error", async (t) => {
  const src = new Source();
  src.maxCount = 10;
  const seq = src.sequence(t, { mode: "strong" });
  const first = seq.next();
  await src.clock.settle();
  const tooMany = assert.rejects(seq.nextN(11), BadRequestError);
  const others = Promise.all(Array.from({ length: 100 }, () => seq.next()));
  const got = [await src.clock.run(first), ...(await src.clock.run(others))];
  await src.clock.run(tooMany);
  assert.equal(new Set(got).size, 101);
  const before = src.requests.length;
  await src.clock.run(Promise.all(Array.from({ length: 100 }, () => seq.next())));
  assert.ok(src.requests.length - before <= 25, `100 calls took ${src.requests.length - before} requests`);
});

test("the last ids of a key go to as many calls as they suffice for", async (t) => {
  const src = new Source();
  src.last = src.end - 21n;
  const seq = src.sequence(t);
  const first = seq.next();
  await src.clock.settle();
  const others = Array.from({ length: 50 }, () => seq.next());
  const all = await src.clock.run(Promise.allSettled([first, ...others]));
  const got = all.flatMap((o) => (o.status === "fulfilled" ? [o.value] : []));
  assert.equal(new Set(got).size, 21);
  assert.ok(got.every((id) => id > src.end - 21n && id <= src.end));
  for (const o of all) if (o.status === "rejected") assert.ok(o.reason instanceof ExhaustedError);
});

test("an error of a shared request reaches all its calls, and only them", async (t) => {
  for (const [code, Class] of [
    ["FENCED", FencedError],
    ["BUSY", BusyError],
    ["BAD_REQUEST", BadRequestError],
  ] as const) {
    const src = new Source();
    let broken = false;
    src.refuse = () => (broken ? answered(code, "scripted") : undefined);
    const seq = src.sequence(t, { timeout: 100 });
    assert.equal(await src.clock.run(seq.next()), 1n);
    broken = true;
    const calls = Array.from({ length: 20 }, (_, i) => seq.nextN(1 + (i % 2)));
    for (const o of await src.clock.run(Promise.allSettled(calls))) {
      assert.ok(o.status === "rejected" && o.reason instanceof Class);
      assert.match(o.reason.message, /store "orders" key "invoice"/);
      assert.equal(o.reason.timedOut, code === "BUSY");
    }
    broken = false;
    await src.clock.run(seq.next());
  }
});

test("a call that is aborted rejects at once; what nobody waits for is not sent, or is given up", async (t) => {
  for (const [name, behind, abortAt, requests, givenUp] of [
    ["one alone", false, [5], [1], 1],
    ["one of two", true, [25, 0], [1, 2], 0],
    ["one before it is sent", true, [5, 0], [1, 1], 0],
    ["all", true, [25, 30], [1, 2], 1],
    ["all before it is sent", true, [5, 10], [1], 0],
  ] as const) {
    const src = new Source();
    src.way = 10;
    const seq = src.sequence(t);
    const first = behind ? seq.next() : undefined;
    await src.clock.settle();
    const why = new Error("the user left");
    const ended: number[] = [];
    const calls = abortAt.map(async (at) => {
      const gone = new AbortController();
      if (at) src.clock.after(at, () => gone.abort(why));
      await seq.next({ signal: gone.signal }).then(
        () => assert.equal(at, 0, name),
        (e) => assert.equal(e, why, name),
      );
      if (at) ended.push(src.clock.now());
    });
    await src.clock.run(Promise.all([first, ...calls]));
    assert.deepEqual(
      ended,
      abortAt.filter((at) => at > 0),
      name,
    );
    await src.clock.run(src.clock.sleep(1000));
    assert.deepEqual(src.requests, requests, name);
    assert.equal(src.givenUp, givenUp, name);
  }
});

test("an aborted signal sends nothing", async (t) => {
  const src = new Source();
  const why = new Error("the user left");
  await assert.rejects(src.sequence(t).next({ signal: AbortSignal.abort(why) }), why);
  await src.clock.settle();
  assert.deepEqual(src.requests, []);
});

test("a call's time passes while the request before its own is under way, too", async (t) => {
  const src = new Source();
  src.silent = true;
  const seq = src.sequence(t, { timeout: 1000, attemptTimeout: 60_000 });
  const calls = Array.from({ length: 40 }, async (_, i) => {
    await src.clock.sleep(i * 20);
    const start = src.clock.now();
    await assert.rejects(seq.next(), TimeoutError);
    const took = src.clock.now() - start;
    assert.ok(took <= 1000 && took >= (1000 * 15) / 16, `call ${i} took ${took} ms`);
  });
  await src.clock.run(Promise.all(calls));
  src.silent = false;
  assert.equal(await src.clock.run(seq.next()), 1n);
});

test("close ends waiting and later calls, and asks no more", async (t) => {
  for (const prefetch of [0, 100]) {
    const src = new Source();
    src.way = 10;
    const seq = src.sequence(t, { prefetch });
    for (let i = 0; i < 10; i++) await src.clock.run(seq.next());
    src.silent = true; // the request under way would be tried again
    const under = seq.nextN(1000);
    await src.clock.settle();
    const waiting = seq.nextN(1001);
    const at = src.clock.now();
    seq.close();
    seq.close();
    for (const [call, spent] of [
      [under, prefetch === 0], // else the stock's request is under way, and this one waits, too
      [waiting, false],
      [seq.next(), false],
    ] as const) {
      await assert.rejects(call, (e) => e instanceof ClosedError && e.idsMayBeSpent === spent);
    }
    assert.equal(src.clock.now(), at);
    const before = src.requests.length;
    await src.clock.run(src.clock.sleep(60_000));
    assert.equal(src.requests.length, before);
  }
});

test("a loop over a sequence ends when that is closed, and throws what a call fails with", async (t) => {
  const src = new Source();
  const seq = src.sequence(t);
  const got: bigint[] = [];
  const loop = async () => {
    for await (const id of seq) {
      got.push(id);
      if (id === 3n) src.silent = true; // the next call waits until the sequence is closed
    }
  };
  const ended = loop();
  await src.clock.run(
    (async () => {
      while (src.requests.length < 4) await new Promise<void>((resolve) => src.clock.after(1, resolve));
    })(),
  );
  seq.close();
  await src.clock.run(ended);
  assert.deepEqual(got, [1n, 2n, 3n]);

  const failing = new Source();
  failing.refuse = (num) => (num === 2 ? answered("FENCED", "restored") : undefined);
  const seen: bigint[] = [];
  const throws = async () => {
    for await (const id of failing.sequence(t)) seen.push(id);
  };
  await assert.rejects(failing.clock.run(throws()), FencedError);
  assert.deepEqual(seen, [1n]);
});
