import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { headers } from "@nats-io/nats-core";
import {
  BadRequestError,
  Client,
  ExhaustedError,
  FencedError,
  IdRange,
  InternalError,
  Numbers,
  type Options,
  TimeoutError,
} from "@seqd/client";
import { isFault } from "#seqd/fault.js";
import { decodeReply } from "#seqd/wire/reply.js";
import { connection, natsServer, stop } from "./servers.js";
import { Answers, counters, type Request, worker } from "./worker.js";

const patient = { timeout: 10_000, attemptTimeout: 10_000 };

/** A client, and a worker that answers as told. */
async function scripted(t: TestContext, answer: (r: Request) => void, options: Options = patient) {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, answer);
  const nc = await connection(t, url);
  return { client: new Client(nc, options), requests, nc };
}

/** What `numbers` resolves to. */
function numbered(first: bigint, n: number, period: string, numbers: string[], replayed = false): Numbers {
  return new Numbers(new IdRange(first, n), period, numbers, replayed);
}

test("a repeat is told from a first answer", async (t) => {
  const { client, requests } = await scripted(t, new Answers().answer);
  const key = { idempotencyKey: "order-7" };
  const first = numbered(1n, 2, "2026", ["INV-2026-000001", "INV-2026-000002"]);
  assert.deepEqual(await client.numbers("orders", "invoice", 2, key), first);
  assert.deepEqual(
    await client.numbers("orders", "invoice", 2, key),
    new Numbers(first.ids, "2026", first.numbers, true),
  );
  assert.deepEqual(await client.nextN("orders", "invoice", 2, key), first.ids);
  assert.equal(await client.next("orders", "invoice", { idempotencyKey: "Bestellung-ä-€-17" }), 3n);
  assert.deepEqual(await client.numbers("orders", "invoice"), numbered(4n, 1, "2026", ["INV-2026-000004"]));
  const keys = requests.map((r) => r.idempotencyKey);
  assert.deepEqual(keys, ["order-7", "order-7", "order-7", "Bestellung-ä-€-17", undefined]);
  for (const r of requests) assert.deepEqual(r.msg.headers?.keys(), ["Seq-Timeout-Ms"]);
});

test("a lost answer is fetched with the same key", async (t) => {
  const answers = new Answers(1, 2);
  const { client, requests } = await scripted(t, answers.answer, { timeout: 10_000, attemptTimeout: 50 });
  const options = { idempotencyKey: "order-7", mode: "strong" } as const;
  const got = await client.numbers("orders", "invoice", 3, options);
  assert.deepEqual([got.replayed, got.ids, answers.last], [true, new IdRange(1n, 3), 3n]); // no gap
  assert.ok(requests.length >= 3);
  for (const r of requests) assert.deepEqual([r.idempotencyKey, r.n, r.mode], ["order-7", 3, "strong"]);
  assert.equal(new Set(requests.map((r) => r.nonce)).size, requests.length);
});

test("a lost connection is overcome with the same key", async (t) => {
  const answers = new Answers(1);
  const { url, port, child } = await natsServer(t);
  let came = () => {};
  const first = new Promise<void>((resolve) => {
    came = resolve;
  });
  await worker(t, url, (r) => {
    answers.answer(r);
    came();
  });
  const client = new Client(await connection(t, url), { timeout: 20_000, attemptTimeout: 10_000 });
  const call = client.numbers("orders", "invoice", 1, { idempotencyKey: "order-7" });
  await first;
  await stop(child);
  await natsServer(t, [], port);
  const got = await call;
  assert.deepEqual([got.replayed, got.ids, answers.last], [true, new IdRange(1n, 1), 1n]);
});

test("a call that failed says how to get its ids", async (t) => {
  const { client } = await scripted(t, () => {}, { timeout: 300, attemptTimeout: 50 });
  await assert.rejects(client.next("orders", "invoice", { idempotencyKey: "order-7" }), (e) => {
    assert.ok(e instanceof TimeoutError && e.idsMayBeSpent);
    assert.match(e.message, /ids may have been spent; a call with the same idempotency key gets them/);
    assert.doesNotMatch(e.message, /gap/);
    return true;
  });
  await assert.rejects(client.next("orders", "invoice"), /ids may have been spent, which leaves a gap/);
});

for (const [code, number, Class] of [
  ["INTERNAL", 500, InternalError],
  ["FENCED", 409, FencedError],
  ["EXHAUSTED", 507, ExhaustedError],
  ["BAD_REQUEST", 400, BadRequestError],
] as const) {
  test(`${code} ends a call at once, with a key too`, async (t) => {
    const { client, requests } = await scripted(t, (r) => r.fail(code, { number }));
    await assert.rejects(client.numbers("orders", "invoice", 1, { idempotencyKey: "order-7" }), Class);
    assert.equal(requests.length, 1);
  });
}

test("wrong keys and counts send nothing", async (t) => {
  const { client, requests, nc } = await scripted(t, counters());
  for (const bad of ["", "k".repeat(65), "€".repeat(22), "\ud800"]) {
    const idempotencyKey = bad as string;
    const check = (e: unknown) =>
      e instanceof BadRequestError &&
      !e.idsMayBeSpent &&
      /key "invoice": BAD_REQUEST: idempotencyKey/.test(e.message);
    await assert.rejects(client.next("orders", "invoice", { idempotencyKey }), check, String(bad));
    await assert.rejects(client.numbers("orders", "invoice", 1, { idempotencyKey }), check, String(bad));
  }
  for (const n of [0, -1, 1001, 1.5, Number.NaN]) {
    const check = /n must be a whole number between 1 and 1000/;
    await assert.rejects(client.numbers("orders", "invoice", n), check);
  }
  const key = { idempotencyKey: "order-7" }; // a variable, for the compiler refuses a literal
  assert.throws(() => client.sequence("orders", "invoice", key as Options), /for one call/);
  assert.throws(() => new Client(nc, key as Options), /for one call/);
  await nc.flush();
  assert.equal(requests.length, 0);
  for (const good of ["k", "k".repeat(64), `${"€".repeat(21)}k`, "\0", "a b/ü"]) {
    await client.next("orders", "invoice", { idempotencyKey: good });
    assert.equal(requests.at(-1)?.idempotencyKey, good);
  }
});

test("a key without numbers brings none", async (t) => {
  const { client } = await scripted(t, counters());
  assert.deepEqual(await client.numbers("orders", "row", 1000), numbered(1n, 1000, "", []));
});

test("as many numbers as ids", async (t) => {
  const { client, requests } = await scripted(t, (r) =>
    r.send({ id: 1n, n: r.n, numbers: ["a", "b"], nonce: r.nonce }),
  );
  assert.deepEqual((await client.numbers("orders", "invoice", 2)).numbers, ["a", "b"]);
  await assert.rejects(client.numbers("orders", "invoice", 3), (e) => {
    assert.ok(e instanceof InternalError && e.attempts === 1 && e.idsMayBeSpent);
    assert.match(e.message, /a request for 3 ids with 2 numbers/);
    return true;
  });
  assert.equal(requests.length, 2);
  assert.deepEqual(await client.nextN("orders", "invoice", 3), new IdRange(1n, 3)); // asks for no numbers
});

test("numbers of any text", async (t) => {
  const numbers = ["№ 7", "", "n".repeat(300), "😀"];
  const id = 2n ** 63n - 4n;
  const { client } = await scripted(t, (r) =>
    r.send({ id, n: 4, period: "2026-27", numbers, nonce: r.nonce }, ["Seq-Replayed", "true"]),
  );
  assert.deepEqual(await client.numbers("orders", "invoice", 4), numbered(id, 4, "2026-27", numbers, true));
});

// A field of another type counts as absent, as everywhere on the wire.
for (const [fields, period, numbers] of [
  [{ period: "2026", number: "x" }, "2026", ["x"]],
  [{ period: 2026, number: 7 }, "", []],
  [{ numbers: ["x", 7] }, "", []],
  [{ numbers: { x: "y" } }, "", []],
  [{ numbers: [["x"]], period: "later" }, "later", []],
  [{ numbers: [] }, "", []],
  [{ numbers: "x" }, "", []],
  [{ numbers: null, number: Uint8Array.of(1) }, "", []],
] as [object, string, string[]][]) {
  test(`what is no number: ${JSON.stringify(fields)}`, () => {
    const { outcome } = decodeReply(undefined, encode({ id: 5, n: 1, ...fields }));
    assert.deepEqual(outcome, numbered(5n, 1, period, numbers));
  });
}

test("cut numbers are no answer", () => {
  const body = encode({ id: 5, n: 2, period: "2026", numbers: ["a", "b".repeat(40)], nonce: 7 });
  for (let size = 0; size < body.length; size++) {
    assert.ok(isFault(decodeReply(undefined, body.subarray(0, size)).outcome), `${size} bytes`);
  }
  const claims = Uint8Array.of(0x81, 0xa7, ...Buffer.from("numbers"), 0xdd, 0xff, 0xff, 0xff, 0xff);
  assert.ok(isFault(decodeReply(undefined, claims).outcome)); // 2^32 - 1 of them, and nothing there
});

test("only true is a repeat", () => {
  for (const value of ["false", "TRUE", "1", ""]) {
    const h = headers();
    h.set("Seq-Replayed", value);
    const { outcome } = decodeReply(h, encode({ id: 5, n: 1 }));
    assert.ok(!isFault(outcome) && !outcome.replayed, value);
  }
});

test("numbers as text", () => {
  assert.equal(String(new Numbers(new IdRange(1n, 2), "2026", ["A-1", "A-2"])), "A-1 A-2");
  assert.equal(String(new Numbers(new IdRange(7n, 10))), "7..16");
});
