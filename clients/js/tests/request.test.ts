import assert from "node:assert/strict";
import { test } from "node:test";
import { BadRequestError, type CallOptions, Client, type Options } from "@seqd/client";
import { connection, natsServer } from "./servers.js";
import { counters, worker } from "./worker.js";

test("keys are escaped", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => r.ids(1n));
  const client = new Client(await connection(t, url));
  for (const [key, subject] of [
    ["invoice", "seq.orders.invoice"],
    ["a.b", "seq.orders.a.b"],
    ["a/b", "seq.orders.a/b"],
    ["发票/2026", "seq.orders.=E5=8F=91=E7=A5=A8/2026"],
    ["a b", "seq.orders.a=20b"],
    ["=", "seq.orders.=3D"],
    ["=20", "seq.orders.=3D20"],
    ["a..b.", "seq.orders.a.=2Eb=2E"],
    ["*", "seq.orders.=2A"],
    [">", "seq.orders.=3E"],
    ["a\r\nPUB x 1\r\n", "seq.orders.a=0D=0APUB=20x=201=0D=0A"],
  ] as const) {
    await client.next("orders", key);
    assert.equal(requests.at(-1)?.msg.subject, subject);
  }
});

test("each request says what the caller wants and how long this attempt may take", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => r.ids(1n));
  const nc = await connection(t, url);
  const plain = new Client(nc, { timeout: 20_000 });
  const strong = new Client(nc, { mode: "strong", timeout: 5000, attemptTimeout: 20_000 });
  const nonces = new Set<bigint>();
  const cases: [Client, number, CallOptions, string, number][] = [
    [plain, 1, {}, "default", 500],
    [plain, 1000, {}, "default", 500],
    [plain, 1, { mode: "weak" }, "weak", 500],
    [plain, 1, { attemptTimeout: 300 }, "default", 300],
    [strong, 1, {}, "strong", 5000],
    [strong, 1, { mode: "default" }, "default", 5000],
    [strong, 1, {}, "strong", 5000],
  ];
  for (const [client, n, options, mode, timeout] of cases) {
    await client.nextN("orders", "invoice", n, options);
    const r = requests.at(-1);
    assert.ok(r);
    assert.deepEqual([r.n, r.mode], [n, mode]);
    assert.ok(r.timeout > timeout / 2 && r.timeout <= timeout, `${r.timeout} ms of ${timeout}`);
    nonces.add(r.nonce);
  }
  assert.equal(nonces.size, cases.length);
});

// A patience of 0 ms would be outlived on arrival: every attempt would get EXPIRED.
test("the patience is at least one millisecond", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, () => {});
  const client = new Client(await connection(t, url), { timeout: 100, attemptTimeout: 0.5 });
  await assert.rejects(client.next("orders", "invoice"));
  assert.ok(requests.length > 0 && requests.every((r) => r.timeout === 1));
});

test("wrong arguments send nothing", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => r.ids(1n));
  const nc = await connection(t, url);
  const client = new Client(nc);
  const k = "k";
  const cases: [string, string, number, object, RegExp][] = [
    ["", "invoice", 1, {}, /store must have/],
    ["a.b", "invoice", 1, {}, /store may hold/],
    ["*", "invoice", 1, {}, /store may hold/],
    ["s".repeat(65), "invoice", 1, {}, /store must have/],
    ["orders", "", 1, {}, /key must have/],
    ["orders", k.repeat(201), 1, {}, /key must have/],
    ["orders", " ".repeat(67), 1, {}, /key must have/],
    ["orders", k.repeat(1 << 20), 1, {}, /key must have/],
    ["orders", `${"k.".repeat(15)}k`, 1, {}, /16 tokens/],
    ["orders", "\ud800", 1, {}, /surrogate/],
    ["orders", "invoice", 0, {}, /n must be/],
    ["orders", "invoice", -1, {}, /n must be/],
    ["orders", "invoice", 1.5, {}, /n must be/],
    ["orders", "invoice", Number.NaN, {}, /n must be/],
    ["orders", "invoice", 2 ** 32, {}, /n must be/],
    ["orders", "invoice", 1, { mode: "fast" }, /mode must be/],
    ["orders", "invoice", 1, { root: "a.b" }, /root may hold/],
    ["orders", "invoice", 1, { timeout: 0 }, /timeout must be/],
    ["orders", "invoice", 1, { timeout: Number.NaN }, /timeout must be/],
    ["orders", "invoice", 1, { timeout: 2 ** 31 }, /timeout must be/], // a timer would go off at once
    ["orders", "invoice", 1, { attemptTimeout: -1 }, /attemptTimeout must be/],
    ["orders", "invoice", 1, { noRespondersPatience: -1 }, /noRespondersPatience/],
  ];
  for (const [store, key, n, options, text] of cases) {
    const check = (e: unknown) =>
      e instanceof BadRequestError && text.test(e.message) && e.message.length < 500;
    await assert.rejects(client.nextN(store, key, n, options), check, String(text));
    if (Object.keys(options).length > 0) assert.throws(() => new Client(nc, options as Options), check);
    else if (n === 1) assert.throws(() => client.sequence(store, key), check);
    else await assert.rejects(client.sequence(store, key).nextN(n), check);
  }
  await nc.flush();
  assert.equal(requests.length, 0);
});

// What a program of JavaScript, without a compiler that looks, may get wrong. An option that nobody knows
// is refused, as otherwise a call would do without it and nobody would notice.
test("wrong types and unknown options are named, and send nothing", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => r.ids(1n));
  const nc = await connection(t, url);
  // biome-ignore lint/suspicious/noExplicitAny: it is wrong on purpose
  const client: any = new Client(nc);
  const seq = client.sequence("orders", "row");
  const calls: [() => Promise<unknown>, string][] = [
    [() => client.next(7, "k"), "store must be a string, not number"],
    [() => client.next("orders", ["k"]), "key must be a string, not an array"],
    [() => client.next("orders"), "key must be a string, not undefined"],
    [() => client.nextN("orders", "k", 5n), "n must be a number, not bigint"],
    [() => client.nextN("orders", "k", "5"), "n must be a number, not string"],
    [() => client.numbers("orders", "k", null), "n must be a number, not null"],
    [() => client.next("orders", "k", 500), "the options of a call must be an object, not number"],
    [() => client.next("orders", "k", null), "the options of a call must be an object, not null"],
    [
      () => client.next("orders", "k", { tiemout: 500 }),
      'a call has no option "tiemout"; it has mode, timeout,',
    ],
    [() => client.next("orders", "k", { prefetch: 5 }), 'a call has no option "prefetch"'],
    [() => client.next("orders", "k", { timeout: "500" }), "timeout must be a number, not string"],
    [() => client.next("orders", "k", { mode: true }), "mode must be a string, not boolean"],
    [() => client.next("orders", "k", { signal: {} }), "signal must be an AbortSignal, not object"],
    [() => client.next("orders", "k", { idempotencyKey: 7 }), "idempotencyKey must be a string, not number"],
    [
      () => client.numbers("orders", "k", 1, { idempotencyKey: null }),
      "idempotencyKey must be a string, not null",
    ],
    [() => seq.nextN("5"), "n must be a number, not string"],
    [() => seq.next({ timeout: 500 }), 'a call of a sequence has no option "timeout"; it has signal'],
    [() => seq.nextN(2, 500), "the options of a call of a sequence must be an object, not number"],
    [() => seq.next({ signal: 7 }), "signal must be an AbortSignal, not number"],
  ];
  for (const [call, text] of calls) {
    await assert.rejects(call, (e) => e instanceof TypeError && e.message.includes(text), text);
  }
  // biome-ignore lint/suspicious/noExplicitAny: it is wrong on purpose
  const Untyped: any = Client;
  const made: [() => unknown, string][] = [
    [() => new Untyped(), "nc must be a NATS connection, as connect makes it, not undefined"],
    [() => new Untyped(url), "nc must be a NATS connection, as connect makes it, not string"],
    [() => new Untyped(nc, { signal: AbortSignal.timeout(1) }), 'a client has no option "signal"'],
    [() => new Untyped(nc, { retries: 3 }), 'a client has no option "retries"'],
    [() => client.sequence("orders", 7), "key must be a string, not number"],
    [() => client.sequence("orders", "k", { prefech: 5 }), 'a sequence has no option "prefech"'],
    [() => client.sequence("orders", "k", { prefetch: "5" }), "prefetch must be a number, not string"],
  ];
  for (const [make, text] of made) {
    assert.throws(make, (e) => e instanceof TypeError && e.message.includes(text), text);
  }
  await nc.flush();
  assert.equal(requests.length, 0);
});

test("another root", async (t) => {
  const { url } = await natsServer(t);
  await worker(t, url, (r) => r.ids(42n), "ids");
  assert.equal(await new Client(await connection(t, url), { root: "ids" }).next("orders", "invoice"), 42n);
});

// A user may be allowed an inbox of his own only, and has then told the connection so.
test("answers go to the connection's own inbox prefix", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, (r) => r.ids(1n));
  await new Client(await connection(t, url, { inboxPrefix: "_TENANT" })).next("orders", "invoice");
  assert.match(requests[0]?.msg.reply ?? "", /^_TENANT\./);
});

test("many callers, two clients on one connection, one subscription", async (t) => {
  const { url } = await natsServer(t);
  await worker(t, url, counters());
  const nc = await connection(t, url);
  let subscriptions = 0;
  const subscribe = nc.subscribe.bind(nc);
  nc.subscribe = (...args) => {
    subscriptions++;
    return subscribe(...args);
  };
  const options = { timeout: 20_000, attemptTimeout: 20_000 };
  const clients = [new Client(nc, options), new Client(nc, options)];
  const got = await Promise.all(
    Array.from({ length: 16 }, async (_, i) => {
      const ids: bigint[] = [];
      for (let call = 0; call < 40; call++) {
        ids.push(...((await clients[i % 2]?.nextN("orders", `key${i % 4}`, 3)) ?? []));
      }
      return ids;
    }),
  );
  for (let key = 0; key < 4; key++) {
    const all = got.filter((_, i) => i % 4 === key);
    for (const ids of all)
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => Number(a - b)),
      );
    assert.equal(new Set(all.flat()).size, 4 * 40 * 3);
  }
  assert.equal(subscriptions, 1);
});
