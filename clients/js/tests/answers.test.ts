import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  BadRequestError,
  BusyError,
  Client,
  ExhaustedError,
  ExpiredError,
  FencedError,
  InternalError,
  type Options,
  SeqdError,
  TimeoutError,
  UnavailableError,
} from "@seqd/client";
import { connection, natsServer } from "./servers.js";
import { type Request, worker } from "./worker.js";

// For tests that count attempts: none may time out on a slow machine.
const patient = { timeout: 10_000, attemptTimeout: 10_000 };

const codes = [
  ["BAD_REQUEST", 400, BadRequestError, false],
  ["FENCED", 409, FencedError, false],
  ["BUSY", 429, BusyError, true],
  ["INTERNAL", 500, InternalError, false],
  ["UNAVAILABLE", 503, UnavailableError, true],
  ["EXPIRED", 504, ExpiredError, true],
  ["EXHAUSTED", 507, ExhaustedError, false],
  ["OF_A_LATER_VERSION", 599, SeqdError, false],
] as const;

/** A client, and a worker that answers as told. */
async function scripted(t: TestContext, answer: (r: Request) => void, options: Options = patient) {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, answer);
  return { client: new Client(await connection(t, url), options), requests };
}

for (const [code, number, Class, again] of codes) {
  test(`${code} twice, then ids`, async (t) => {
    const { client, requests } = await scripted(t, (r) =>
      r.num <= 2 ? r.fail(code, { number }) : r.ids(7n),
    );
    const call = client.next("orders", "invoice");
    if (again) {
      assert.equal(await call, 7n);
      assert.equal(requests.length, 3);
      return;
    }
    await assert.rejects(call, (e) => e instanceof Class && e.code === code && !e.timedOut);
    assert.equal(requests.length, 1);
  });

  test(`nothing but ${code}: the caller learns it, and the worker's wish to wait ends the call`, async (t) => {
    const { client } = await scripted(t, (r) => r.fail(code, { number, retryAfter: 3_600_000 }));
    const start = performance.now();
    await assert.rejects(client.next("orders", "a b"), (e) => {
      assert.ok(e instanceof Class && e instanceof Error);
      assert.equal(e.name, Class.name);
      assert.deepEqual([e.code, e.text, e.retryAfter], [code, "scripted", 3_600_000]);
      assert.deepEqual([e.timedOut, e.attempts, e.store, e.key], [again, 1, "orders", "a b"]);
      assert.equal(e.idsMayBeSpent, !["BAD_REQUEST", "FENCED", "BUSY", "EXHAUSTED"].includes(code));
      assert.match(e.message, /store "orders" key "a b": .*scripted/);
      return true;
    });
    assert.ok(performance.now() - start < 5000);
  });
}

test("BUSY waits as long as it is told", async (t) => {
  const { client, requests } = await scripted(t, (r) =>
    r.num === 1 ? r.fail("BUSY", { number: 429, retryAfter: 60 }) : r.ids(1n),
  );
  assert.equal(await client.next("orders", "invoice"), 1n);
  const [first, second] = requests;
  assert.ok(first && second && requests.length === 2);
  assert.ok(second.arrived - first.arrived >= 60, `${second.arrived - first.arrived} ms`);
});

// Whatever comes back without the nonce of the request that waits is dropped: the call goes on
// waiting for the right answer to the same request.
const strangers: Record<string, (r: Request) => void> = {
  "a wrong nonce": (r) => r.send({ id: 1n, n: r.n, nonce: r.nonce + 1n }),
  "no nonce": (r) => r.send({ id: 1n, n: r.n }),
  "a nonce of another form": (r) => r.send({ id: 1n, n: r.n, nonce: String(r.nonce) }),
  "an error with a wrong nonce": (r) => r.fail("EXHAUSTED", { number: 507, nonce: r.nonce + 1n }),
  nothing: (r) => r.raw(""),
  "a stream's acknowledgement": (r) => r.raw('{"stream":"SEQ", "seq":1}'),
  text: (r) => r.raw("1"),
  "an empty map": (r) => r.raw(Uint8Array.of(0x80)),
  "half a map": (r) => r.raw(Uint8Array.of(0x82, 0xa2, 0x69, 0x64, 0xd3, 0, 0)),
  "a map that claims a lot": (r) => r.raw(Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff)),
};

for (const [name, answer] of Object.entries(strangers)) {
  test(`a stranger's answer: ${name}`, async (t) => {
    const { client, requests } = await scripted(t, (r) => {
      answer(r);
      answer(r);
      r.ids(7n);
      answer(r); // meets the next request on the same reply subject, or nobody
    });
    for (let i = 1; i <= 3; i++) {
      assert.equal(await client.next("orders", "invoice"), 7n);
      assert.equal(requests.length, i);
    }
  });
}

test("only strangers answer", async (t) => {
  const { client } = await scripted(t, (r) => r.raw('{"stream":"SEQ", "seq":1}'), {
    timeout: 300,
    attemptTimeout: 50,
  });
  await assert.rejects(client.next("orders", "invoice"), (e) => {
    assert.ok(e instanceof TimeoutError && e.code === "TIMEOUT" && e.timedOut && e.attempts > 1);
    assert.match(e.message, /another request.*no stream/s);
    return true;
  });
});

// An attempt without an answer is followed by another, whose answer is not mistaken for the first
// one's late answer.
test("a late answer", async (t) => {
  let first: Request | undefined;
  const { client, requests } = await scripted(
    t,
    (r) => {
      if (!first) {
        first = r;
        return;
      }
      first.ids(1n);
      r.send({ id: 1n, n: 1, nonce: first.nonce }); // as if an import had rewritten its subject
      r.ids(2n);
    },
    { timeout: 10_000, attemptTimeout: 50 },
  );
  assert.equal(await client.next("orders", "invoice"), 2n);
  assert.notEqual(requests[0]?.nonce, requests[1]?.nonce);
});

test("an error of a worker that could not read the nonce still gets through", async (t) => {
  const { client, requests } = await scripted(t, (r) => {
    const h = r.msg.headers;
    assert.ok(h);
    h.set("Nats-Service-Error-Code", "400");
    h.set("Nats-Service-Error", "BAD_REQUEST: why");
    r.msg.respond("", { headers: h });
  });
  await assert.rejects(
    client.next("orders", "invoice"),
    (e) => e instanceof BadRequestError && e.text === "why",
  );
  assert.equal(requests.length, 1);
});

test("an answer with the right nonce that makes no sense is a fault in seqd", async (t) => {
  for (const [id, n] of [
    [0n, 5],
    [-1n, 5],
    [1n, 0],
    [1n, 4],
    [1n, 6],
    [2n ** 63n - 4n, 5],
  ] as const) {
    const { client, requests } = await scripted(t, (r) => r.send({ id, n, nonce: r.nonce }));
    await assert.rejects(client.nextN("orders", "invoice", 5), InternalError, `${id} ${n}`);
    assert.equal(requests.length, 1);
  }
});

test("ids are exact up to 2^63-1", async (t) => {
  let id = 0n;
  const { client } = await scripted(t, (r) => r.ids(id));
  for (id of [2n ** 53n + 1n, 2n ** 62n + 1n, 2n ** 63n - 1n]) {
    assert.equal(await client.next("orders", "invoice"), id);
  }
});
