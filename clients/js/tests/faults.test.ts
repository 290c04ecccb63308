import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Client, ClosedError, NotConnectedError, NoWorkersError, TimeoutError } from "@seqd/client";
import { connection, natsServer, stop } from "./servers.js";
import { counters, worker } from "./worker.js";

test("no workers", async (t) => {
  const { url } = await natsServer(t);
  const client = new Client(await connection(t, url), { timeout: 60_000 });
  const start = performance.now();
  await assert.rejects(client.next("orders", "invoice", { noRespondersPatience: 50 }), (e) => {
    assert.ok(e instanceof NoWorkersError && e.code === "NO_WORKERS");
    assert.deepEqual([e.timedOut, e.idsMayBeSpent], [false, false]);
    assert.match(e.message, /store "orders".*start a worker/);
    return true;
  });
  assert.ok(performance.now() - start < 10_000);
  await assert.rejects(
    client.next("orders", "invoice", { timeout: 200 }),
    (e) => e instanceof NoWorkersError && e.timedOut && e.attempts > 2,
  );
});

test("a call sits out the time in which no worker listens", async (t) => {
  const { url } = await natsServer(t);
  const nc = await connection(t, url);
  const call = new Client(nc, { timeout: 10_000 }).next("orders", "invoice");
  while (nc.stats().inMsgs === 0) await nc.flush(); // until NATS has said that nobody listens
  await worker(t, url, counters());
  assert.equal(await call, 1n);
});

test("a worker that is silent", async (t) => {
  const { url } = await natsServer(t);
  const { requests } = await worker(t, url, () => {});
  const client = new Client(await connection(t, url), { timeout: 200, attemptTimeout: 20 });
  const start = performance.now();
  await assert.rejects(client.next("orders", "invoice"), (e) => {
    assert.ok(e instanceof TimeoutError && e.timedOut && e.idsMayBeSpent && e.attempts > 1);
    assert.match(e.message, /no answer.*leaves a gap/);
    return true;
  });
  const took = performance.now() - start;
  assert.ok(took < 10_000, `took ${took} ms`);
  await new Promise((resolve) => setTimeout(resolve, 300)); // what is on its way arrives
  const sent = requests.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(requests.length, sent, "something was sent after the deadline");
});

test("an aborted call rejects with the signal's reason, and sends nothing more", async (t) => {
  const { url } = await natsServer(t);
  const gone = new AbortController();
  const why = new Error("the user left");
  const { requests } = await worker(t, url, () => gone.abort(why));
  const client = new Client(await connection(t, url), { attemptTimeout: 50 });
  const start = performance.now();
  await assert.rejects(client.next("orders", "invoice", { signal: gone.signal }), why);
  await assert.rejects(client.next("orders", "invoice", { signal: gone.signal }), why);
  assert.equal(requests.length, 1);
  await assert.rejects(
    client.next("orders", "invoice", {
      signal: AbortSignal.timeout(20),
      timeout: 10_000,
      attemptTimeout: 10_000,
    }),
    { name: "TimeoutError" },
  );
  assert.ok(performance.now() - start < 5000, "the calls waited for an answer");
});

test("one signal for many calls", async (t) => {
  const warnings: Error[] = [];
  const note = (w: Error) => warnings.push(w);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  const { url } = await natsServer(t);
  await worker(t, url, counters());
  const client = new Client(await connection(t, url), { timeout: 10_000, attemptTimeout: 10_000 });
  const seq = client.sequence("orders", "row");
  const { signal } = new AbortController();
  const calls = Array.from({ length: 50 }, () => [
    client.next("orders", "a", { signal }),
    seq.next({ signal }),
  ]);
  await Promise.all(calls.flat());
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});

test("a closed connection ends a call at once", async (t) => {
  const { url } = await natsServer(t);
  const nc = await connection(t, url);
  const client = new Client(nc, { timeout: 10_000 });
  await nc.close();
  await assert.rejects(client.next("orders", "invoice"), (e) => {
    assert.ok(e instanceof ClosedError && e.code === "CLOSED" && !e.idsMayBeSpent);
    assert.match(e.message, /closed.*connectOptions/);
    return true;
  });
});

test("a connection that is closed during a call", async (t) => {
  const { url } = await natsServer(t);
  const nc = await connection(t, url);
  await worker(t, url, () => void nc.close());
  await assert.rejects(
    new Client(nc, { timeout: 10_000, attemptTimeout: 10_000 }).next("orders", "invoice"),
    (e) => e instanceof ClosedError && e.idsMayBeSpent,
  );
});

// What is sent while the connection is down must not be sent later, for callers that have given up.
test("nothing is sent while the connection is down", async (t) => {
  const server = await natsServer(t);
  const nc = await connection(t, server.url, { reconnectTimeWait: 400 });
  const client = new Client(nc, { timeout: 100 });
  await stop(server.child, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 50)); // until the client has noticed
  const before = nc.stats().outMsgs;
  await assert.rejects(client.next("orders", "invoice"), (e) => {
    assert.ok(e instanceof NotConnectedError && e.code === "NOT_CONNECTED");
    assert.deepEqual([e.timedOut, e.idsMayBeSpent], [true, false]);
    assert.match(e.message, /not connected to NATS/);
    return true;
  });
  assert.equal(nc.stats().outMsgs, before);
});

// The NATS server restarts while callers ask: they notice nothing but a delay.
test("the NATS server restarts", async (t) => {
  const server = await natsServer(t);
  const answer = counters();
  await worker(t, server.url, answer);
  const client = new Client(await connection(t, server.url), { timeout: 20_000, attemptTimeout: 200 });
  const seq = client.sequence("orders", "row", { mode: "strong" });
  let restarted = false;
  let calls = 0;
  const caller = async (next: () => Promise<bigint>) => {
    let last = 0n;
    for (let after = 0; after < 20; calls++) {
      if (restarted) after++;
      const id = await next();
      assert.ok(id > last, `${id} after ${last}`);
      last = id;
    }
  };
  const all = Promise.all([
    caller(() => client.next("orders", "invoice")),
    caller(() => client.next("orders", "invoice")),
    caller(() => seq.next()),
    caller(() => seq.next()),
  ]);
  while (calls < 100) await new Promise((resolve) => setImmediate(resolve));
  await stop(server.child, "SIGKILL");
  await natsServer(t, [], server.port);
  restarted = true;
  await all;
});

// The answer was lost with the connection: the call does not wait for it, but asks again.
test("the connection is lost during a call", async (t) => {
  const server = await natsServer(t);
  const answer = counters();
  let asked = () => {};
  const first = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { requests } = await worker(t, server.url, (r) => (r.num === 1 ? asked() : answer(r)));
  const client = new Client(await connection(t, server.url), { timeout: 60_000, attemptTimeout: 60_000 });
  const start = performance.now();
  const call = client.next("orders", "invoice");
  await first;
  await stop(server.child, "SIGKILL");
  await natsServer(t, [], server.port);
  assert.equal(await call, 1n);
  assert.equal(requests.length, 2);
  assert.ok(performance.now() - start < 30_000);
});

// NATS refuses silently, as far as the request is concerned. The error says why all the same.
test("a permission is missing", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "seqd-js-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const config = join(dir, "nats.conf");
  writeFileSync(
    config,
    `authorization { users = [
      {user: a, password: x, permissions: {publish: ["seq.parcels.>"], subscribe: ["_INBOX.>"]}}
      {user: b, password: x, permissions: {publish: ["seq.>"], subscribe: ["_TENANT.>"]}}
    ]}`,
  );
  const { url } = await natsServer(t, ["-c", config]);
  for (const [user, text] of [
    ["a", /Permissions Violation for Publish to "seq\.orders\.invoice"/],
    ["b", /Permissions Violation for Subscription to "_INBOX\./],
  ] as const) {
    const client = new Client(await connection(t, url, { user, pass: "x" }), { timeout: 5000 });
    for (let i = 0; i < 2; i++) {
      await assert.rejects(
        client.next("orders", "invoice", { attemptTimeout: 5000 }),
        (e) => e instanceof TimeoutError && text.test(e.message) && !e.timedOut,
      );
    }
  }
});
