import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { BadRequestError, Client, ExhaustedError, toNumber } from "@seqd/client";
import { connection, type Scope, seqdDev, stop } from "./servers.js";
import { checkOrder, type Op } from "./source.js";
import { repository } from "./vectors.js";

// One real seqd for all tests here: a NATS server, etcd and a worker.
const cleanups: (() => unknown)[] = [];
const scope: Scope = { after: (f) => cleanups.unshift(f as () => unknown) };
const build = join(repository(), "clients", "js", "build");
let url = "";
let client: Client;

before(async () => {
  const dir = mkdtempSync(join(tmpdir(), "seqd-js-"));
  scope.after(() => rmSync(dir, { recursive: true, force: true }));
  const config = join(dir, "seqd.yaml");
  writeFileSync(
    config,
    `stores:
  "*": {}
  big: {bigger_than: 9007199254740992}
  last: {bigger_than: 9223372036854775806}
  few: {max_count: 10, modes: [strong], mode: strong}
`,
  );
  ({ url } = await seqdDev(scope, config));
  client = new Client(await connection(scope, url), { timeout: 10_000 });
});

after(async () => {
  for (const f of cleanups) await f();
});

test("both modes, one id and a range, odd keys", async () => {
  for (const mode of ["default", "weak", "strong"] as const) {
    for (const key of ["invoice", "发票/2026", "a b", "=", "a..b.", "k".repeat(200)]) {
      const store = `orders-${mode}`;
      assert.equal(await client.next(store, key, { mode }), 1n);
      const ids = await client.nextN(store, key, 3, { mode });
      assert.deepEqual([...ids], [2n, 3n, 4n]);
    }
  }
  assert.equal(await client.next("orders-strong", "a=20b", { mode: "strong" }), 1n); // not the key of "a b"
});

test("ids are exact above 2^53, up to the last one", async () => {
  const ids = await client.nextN("big", "invoice", 2, { mode: "strong" });
  assert.deepEqual([...ids], [9007199254740993n, 9007199254740994n]);
  assert.throws(() => toNumber(ids.start), RangeError);
  assert.equal(await client.next("last", "invoice", { mode: "strong" }), 9223372036854775807n);
  await assert.rejects(client.next("last", "invoice"), ExhaustedError);
});

test("a worker's refusal", async () => {
  await assert.rejects(
    client.nextN("few", "invoice", 11),
    (e) => e instanceof BadRequestError && /10/.test(e.text),
  );
  await assert.rejects(client.next("few", "invoice", { mode: "weak" }), BadRequestError);
  const seq = client.sequence("few", "row");
  const ids = await Promise.all(Array.from({ length: 64 }, () => seq.next()));
  assert.equal(new Set(ids).size, 64);
});

test("strong ids are in order over clients and sequences", async () => {
  const other = new Client(await connection(scope, url), { timeout: 10_000 });
  const options = { mode: "strong" as const };
  const shared = [client.sequence("orders", "row", options), other.sequence("orders", "row", options)];
  const ops: Op[] = [];
  const caller = async (_: unknown, i: number) => {
    for (let call = 0; call < 50; call++) {
      const n = 1 + (call % 3);
      const start = performance.now();
      const ids = await (i % 3 === 0 ? client.nextN("orders", "row", n, options) : shared[i % 2]?.nextN(n));
      assert.ok(ids);
      ops.push({ start, end: performance.now(), ids });
    }
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  assert.equal(ops.length, 64 * 50);
  checkOrder(ops);
});

test("a stock on a real worker", async () => {
  const seq = client.sequence("orders", "stocked", { prefetch: 1000 });
  let last = 0n;
  for (let i = 0; i < 5000; i++) {
    const id = await seq.next();
    assert.ok(id > last);
    last = id;
  }
});

test("the demo", async () => {
  const demo = join(build, "examples", "demo.js");
  const env = { ...process.env, NATS_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [demo, "-s", "sequencer_demo"], { env });
  const ids = Array.from({ length: 10 }, (_, i) => `Next id:next_id:${i + 1}`);
  assert.equal(stdout, ["Try to get next id.Key:key666", ...ids, "Demo success!", ""].join("\n"));
});

test("the conformance program", { timeout: 60_000 }, async (t) => {
  const env = { ...process.env, NATS_URL: url };
  const child = spawn(join(build, "..", "conformance"), {
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => stop(child));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const read = async () => (await lines.next()).value as string;
  const tell = (command: object) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return read();
  };
  assert.equal(await read(), '{"ready":true}');
  const next = { op: "next", store: "big", key: "conformance", mode: "strong", timeout_ms: 10_000 };
  assert.equal(
    await tell({ ...next, n: 5 }),
    '{"id":"9007199254740993","n":5,"range":"9007199254740993..9007199254740997"}',
  );
  assert.match(await tell({ ...next, store: "few", n: 11 }), /^\{"error":"BAD_REQUEST","text":".*10/);
  assert.match(await tell({ ...next, key: "" }), /^\{"error":"BAD_REQUEST".*"ids_may_be_spent":false\}$/);
  const none = { ...next, idempotency_key: "" };
  assert.match(await tell(none), /^\{"error":"BAD_REQUEST".*"ids_may_be_spent":false\}$/);
  const numbers = { ...next, op: "numbers", store: "orders", key: "numbers" };
  assert.deepEqual(JSON.parse(await tell({ ...numbers, n: 2 })), {
    id: "1",
    n: 2,
    range: "1..2",
    period: "",
    numbers: [],
    replayed: false,
  });
  assert.match(await tell({ ...numbers, n: 1001 }), /^\{"error":"BAD_REQUEST".*"ids_may_be_spent":false\}$/);
  assert.match(await tell({ ...next, closed: true }), /^\{"error":"CLOSED".*"ids_may_be_spent":false\}$/);
  assert.equal(await tell({ op: "close" }), '{"ready":true}');
  assert.match(await tell(next), /^\{"error":"CLOSED".*"ids_may_be_spent":false\}$/);
  assert.equal(await tell({ op: "connect", url }), '{"ready":true}');

  const load = { op: "load", store: "orders", key: "conformance", mode: "strong", n: 2, timeout_ms: 10_000 };
  const begin = process.hrtime.bigint();
  for (const sequence of [false, true]) {
    const answer = JSON.parse(await tell({ ...load, callers: 8, calls: 10, sequence }));
    assert.deepEqual(answer.errors, {});
    assert.equal(answer.ops.length, 80);
    for (const [start, end, first, n] of answer.ops as [number, number, string, number][]) {
      assert.ok(BigInt(start) >= begin && end > start && BigInt(end) <= process.hrtime.bigint());
      assert.ok(/^\d+$/.test(first) && n === 2);
    }
  }
  assert.deepEqual(JSON.parse(await tell({ ...load, store: "few", n: 11, callers: 2, calls: 3 })), {
    ops: [],
    errors: { BAD_REQUEST: 6 },
  });
  for (const sequence of [false, true]) {
    const rate = {
      op: "rate",
      store: "orders",
      key: `rate-${sequence}`,
      mode: "strong",
      callers: 16,
      sequence,
    };
    const start = performance.now();
    const perSecond = JSON.parse(await tell({ ...rate, duration_ms: 300 })).ids_per_second as number;
    const took = (performance.now() - start) / 1000;
    const issued = Number((await client.next(rate.store, rate.key, { mode: "strong" })) - 1n);
    // The last calls end after the 300 ms, and count; on a busy machine some ids are gaps.
    assert.ok(perSecond * 0.3 <= issued && perSecond * took > issued / 3, `${perSecond}/s, ${issued} issued`);
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.write('{"op":"exit"}\n');
  assert.equal(await ended, 0);
});
