import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Client, ClosedError, type SequenceOptions } from "@seqd/client";
import { connection, natsServer } from "./servers.js";
import { checkOrder, type Op } from "./source.js";
import { counters, type Request, worker } from "./worker.js";

/** A sequence, a client beside it, and a worker that answers as told. */
async function scripted(t: TestContext, answer: (r: Request) => void, options: SequenceOptions = {}) {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, answer);
  const patient = { timeout: 20_000, attemptTimeout: 20_000 };
  const client = new Client(await connection(t, url), patient);
  return { sequence: client.sequence("orders", "row", options), client, requests };
}

test("calls that come while a request is under way get ids of the next one", async (t) => {
  const answer = counters();
  const held: Request[] = [];
  const arrived: (() => void)[] = [];
  const { sequence, requests } = await scripted(
    t,
    (r) => {
      held.push(r);
      arrived.shift()?.();
    },
    { mode: "strong" },
  );
  const request = () => new Promise<void>((resolve) => arrived.push(resolve));
  const release = () => {
    for (const r of held.splice(0)) answer(r);
  };

  let sent = request();
  const first = sequence.next();
  await sent;
  const others = Array.from({ length: 30 }, (_, i) => sequence.nextN(1 + (i % 2)));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(requests.length, 1, "a second request went out while the first was under way");
  sent = request();
  release();
  assert.equal(await first, 1n);
  await sent;
  // The second request has been sent: whoever comes now must not get its ids.
  const late = sequence.next();
  sent = request();
  release();
  const got = (await Promise.all(others)).flatMap((ids) => [...ids]);
  assert.deepEqual(
    got,
    Array.from({ length: 45 }, (_, i) => BigInt(i + 2)),
  );
  await sent;
  release();
  assert.equal(await late, 47n);
  assert.deepEqual(
    requests.map((r) => [r.n, r.mode]),
    [1, 45, 1].map((n) => [n, "strong"]),
  );
});

test("strong ids of a sequence and a client beside it are in order and unique", async (t) => {
  const { sequence, client, requests } = await scripted(t, counters(), { mode: "strong" });
  const ops: Op[] = [];
  const caller = async (_: unknown, i: number) => {
    for (let call = 0; call < 60; call++) {
      const n = 1 + (call % 3);
      const start = performance.now();
      const ids = await (i % 4 === 0
        ? client.nextN("orders", "row", n, { mode: "strong" })
        : sequence.nextN(n));
      ops.push({ start, end: performance.now(), ids });
    }
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  checkOrder(ops);
  assert.equal(ops.length, 64 * 60);
  assert.ok(requests.length < (64 * 60) / 2, `${requests.length} requests`);
});

// A lost answer costs a gap: the calls of its batch get the ids of the next attempt.
test("an attempt of a shared request gets no answer", async (t) => {
  const answer = counters();
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => (r.num === 1 ? undefined : answer(r)));
  const client = new Client(await connection(t, url), { timeout: 20_000, attemptTimeout: 50 });
  const sequence = client.sequence("orders", "row", { mode: "strong" });
  const ids = await Promise.all(Array.from({ length: 10 }, () => sequence.next()));
  assert.deepEqual(
    ids,
    Array.from({ length: 10 }, (_, i) => BigInt(i + 1)),
  );
  assert.ok(requests.every((r) => r.n === 10));
});

test("with a stock it asks for weak ids where no mode is named, and for few at first", async (t) => {
  const { sequence, requests } = await scripted(t, counters(), { prefetch: 10 });
  for (let want = 1n; want <= 20n; want++) assert.equal(await sequence.next(), want);
  assert.ok(requests.every((r) => r.mode === "weak"));
  assert.ok((requests[0]?.n ?? 0) <= 2 && requests.every((r) => r.n <= 6), String(requests.map((r) => r.n)));
});

test("close ends a call whose request is under way", async (t) => {
  const { sequence, requests } = await scripted(t, () => sequence.close());
  await assert.rejects(sequence.next(), ClosedError);
  assert.equal(requests.length, 1);
});
