import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { headers } from "@nats-io/nats-core";
import { connectionClosed, type Fault, isFault, noAnswer, notConnected, noWorkers } from "#seqd/fault.js";
import { IdRange, Numbers } from "#seqd/range.js";
import { decodeReply } from "#seqd/wire/reply.js";
import { checkIdempotencyKey, encodeRequest, intNonce } from "#seqd/wire/request.js";
import { checkToken, escapeKey, subject } from "#seqd/wire/subject.js";
import { bytes, hex, type NonceVector, repository, vectors } from "./vectors.js";

function hdrs(record: Record<string, string>) {
  const h = headers();
  for (const [name, value] of Object.entries(record)) h.set(name, value);
  return h;
}

/** What a vector of an answer says. */
interface Answer {
  id: string;
  n: number;
  nonce: NonceVector | null;
  period?: string | null;
  numbers?: string[];
  replayed?: boolean;
}

function check(v: Answer, headers: Record<string, string>, body: string): void {
  const { outcome, nonce } = decodeReply(hdrs(headers), bytes(body));
  const range = new IdRange(BigInt(v.id), v.n);
  const want = new Numbers(range, v.period ?? "", v.numbers ?? [], v.replayed ?? false);
  assert.deepEqual(outcome, want, JSON.stringify(v));
  assert.equal(nonce && hex(nonce), v.nonce?.msgpack, JSON.stringify(v));
}

test("every vector file is read here", () => {
  const files = readdirSync(join(repository(), "subjects", "testdata")).filter((f) => f.endsWith(".json"));
  const read = ["decode.json", "errors.json", "keys.json", "replies.json", "requests.json", "subjects.json"];
  assert.deepEqual(files.sort(), read);
});

test("subjects.json", () => {
  interface Good {
    subject: string;
    root: string;
    store: string;
    key: string;
  }
  interface Bad {
    root: string;
    subject: string;
    reason: string;
  }
  const v = vectors<{ good: Good[]; bad: Bad[] }>("subjects.json");
  assert.ok(v.good.length > 20 && v.bad.length > 20);
  for (const g of v.good) {
    assert.equal(subject(g.root, g.store, g.key), g.subject);
    assert.equal(checkToken("store", g.store), undefined, g.store);
    assert.equal(checkToken("root", g.root), undefined, g.root);
  }
  let stores = 0;
  for (const b of v.bad.filter((b) => b.reason.startsWith("store-"))) {
    const store = b.subject.slice(b.root.length + 1).split(".")[0];
    assert.equal(checkToken("store", store)?.code, "BAD_REQUEST", b.subject);
    stores++;
  }
  assert.ok(stores >= 5);
});

test("keys.json", () => {
  interface Vector {
    text: string | null;
    text_hex: string;
    key: string;
    reason: string;
  }
  const v = vectors<{ good: Vector[]; bad: Vector[] }>("keys.json");
  const seen = new Map<string, string>();
  for (const g of v.good) {
    if (g.text === null) continue; // no Unicode text, so no string can hold it
    assert.equal(hex(new TextEncoder().encode(g.text)), g.text_hex);
    assert.equal(escapeKey(g.text), g.key);
    assert.equal(seen.get(g.key), undefined, `two texts share the key ${g.key}`);
    seen.set(g.key, g.text);
  }
  assert.ok(seen.size > 50);
  for (const b of v.bad) {
    if (b.text === null) continue;
    assert.equal((escapeKey(b.text) as Fault).code, "BAD_REQUEST", `${b.text_hex}: ${b.reason}`);
  }
});

// TextEncoder writes U+FFFD for half a surrogate pair, whichever half it is.
test("texts that are no Unicode do not share a key", () => {
  for (const text of ["\ud800", "\udc00", "a\ud83db", "\ude00\ud83d"]) {
    assert.equal((escapeKey(text) as Fault).code, "BAD_REQUEST");
  }
  assert.equal(escapeKey("\ufffd"), "=EF=BF=BD");
});

test("requests.json: canonical bodies", () => {
  interface Vector {
    name: string;
    body: string;
    n: number;
    mode: "weak" | "strong" | null;
    nonce: NonceVector | null;
    idempotency_key?: string | null;
    canonical?: boolean;
  }
  const v = vectors<{ good: Vector[] }>("requests.json");
  let integers = 0;
  let keys = 0;
  for (const r of v.good.filter((r) => r.canonical)) {
    const request = { n: r.n, mode: r.mode ?? ("default" as const) };
    const nonce = r.nonce ? { nonce: bytes(r.nonce.msgpack) } : {};
    const idempotencyKey = r.idempotency_key ?? undefined;
    assert.equal(hex(encodeRequest({ ...request, ...nonce, idempotencyKey })), r.body, r.name);
    if (idempotencyKey !== undefined) {
      assert.equal(checkIdempotencyKey(idempotencyKey), undefined, r.name);
      keys++;
    }
    if (r.nonce?.kind === "int") {
      assert.equal(hex(intNonce(BigInt(r.nonce.value))), r.nonce.msgpack, r.name);
      integers++;
    }
  }
  assert.ok(integers > 2 && keys >= 10);
});

test("replies.json", () => {
  interface Vector extends Answer {
    msgpack: string;
  }
  interface Numbered extends Vector {
    headers: Record<string, string>;
    numbers: string[];
    plain: string;
  }
  const v = vectors<{ replies: Vector[]; numbered: Numbered[] }>("replies.json");
  assert.ok(v.replies.some((r) => BigInt(r.id) === 2n ** 63n - 1n));
  assert.ok(v.numbered.length > 10 && v.numbered.some((r) => r.replayed));
  for (const r of v.replies) check(r, {}, r.msgpack);
  for (const r of v.numbered) {
    check(r, r.headers, r.msgpack);
    assert.equal(r.numbers.join("\n"), r.plain);
  }
});

test("errors.json", () => {
  interface Code {
    code: string;
    number: number;
    retryable: boolean;
    ids_may_be_spent: boolean;
  }
  interface Vector {
    code: string;
    number: number;
    text: string;
    retry_after_ms: number | null;
    nonce: NonceVector | null;
    headers: Record<string, string>;
    msgpack: string;
  }
  interface Client {
    code: string;
    text: string | null;
    ids_may_be_spent: boolean;
  }
  const v = vectors<{ codes: Code[]; client: Client[]; errors: Vector[] }>("errors.json");
  assert.equal(v.codes.length, 7);
  const client = [noWorkers, noAnswer, notConnected, connectionClosed("", true)];
  for (const [i, fault] of client.entries()) {
    const c = v.client[i];
    assert.deepEqual([fault.code, fault.gap], [c?.code, c?.ids_may_be_spent]);
    assert.equal(fault.text, c?.text ?? fault.text);
  }
  assert.equal(v.client.length, client.length);
  for (const c of v.codes) {
    const { outcome } = decodeReply(hdrs({ "Nats-Service-Error-Code": String(c.number) }), new Uint8Array());
    const fault = outcome as Fault;
    assert.deepEqual([fault.code, fault.gap], [c.code, c.ids_may_be_spent]);
    // EXPIRED does not pass by itself, but the next attempt has time of its own.
    assert.equal(fault.again, c.retryable || c.code === "EXPIRED", c.code);
  }
  for (const e of v.errors) {
    const { outcome, nonce } = decodeReply(hdrs(e.headers), bytes(e.msgpack));
    const fault = outcome as Fault;
    assert.deepEqual([fault.code, fault.text, fault.retryAfter], [e.code, e.text, e.retry_after_ms ?? 0]);
    assert.equal(nonce && hex(nonce), e.nonce?.msgpack);
  }
});

test("decode.json", () => {
  interface Vector extends Answer {
    name: string;
    headers: Record<string, string>;
    body: string;
    code: string;
    text: string | null;
    retry_after_ms: number | null;
  }
  const v = vectors<{ accept: Vector[]; refuse: Vector[] }>("decode.json");
  assert.ok(v.accept.length > 50 && v.refuse.length > 50);
  for (const a of v.accept) check(a, a.headers, a.body);
  for (const r of v.refuse) {
    const { outcome, nonce } = decodeReply(hdrs(r.headers), bytes(r.body));
    assert.ok(isFault(outcome), r.name);
    assert.equal(outcome.code, r.code, r.name);
    if (r.text !== null) assert.equal(outcome.text, r.text, r.name);
    assert.equal(outcome.retryAfter, r.retry_after_ms ?? 0, r.name);
    assert.equal(nonce && hex(nonce), r.nonce?.msgpack, r.name);
  }
});

// What is not whole is never taken for ids, however it was cut or damaged.
test("cut and damaged replies", () => {
  const whole = bytes("83a26964d30000000000000007a16ece00000003a56e6f6e6365cf000000000000002a");
  for (let n = 0; n < whole.length; n++) {
    assert.ok(isFault(decodeReply(undefined, whole.subarray(0, n)).outcome), `${n} bytes`);
  }
  for (let at = 0; at < whole.length; at++) {
    for (let b = 0; b < 256; b++) {
      const damaged = whole.slice();
      damaged[at] = b;
      const { outcome } = decodeReply(undefined, damaged); // does not throw
      if (!isFault(outcome)) assert.ok(outcome.ids.start >= 1n && outcome.ids.last < 2n ** 63n);
    }
  }
});

// Nearly all answers have one form, which is read on a path of its own: it must say what the other says.
test("an answer in the widest forms, and one that is not quite", () => {
  const plain = (id: bigint, n: number) => {
    const body = bytes("83a26964d30000000000000000a16ece00000000a56e6f6e6365cf0102030405060708");
    const view = new DataView(body.buffer, body.byteOffset);
    view.setBigInt64(5, id);
    view.setUint32(16, n);
    return body;
  };
  const read = (body: Uint8Array) => {
    const { outcome, nonce } = decodeReply(undefined, body);
    return isFault(outcome) ? outcome.code : `${outcome.ids} ${hex(nonce ?? new Uint8Array())}`;
  };
  const nonce = "cf0102030405060708";
  assert.equal(read(plain(1n, 1)), `1 ${nonce}`);
  assert.equal(read(plain(2n ** 53n + 1n, 70_000)), `9007199254740993..9007199254810992 ${nonce}`);
  assert.equal(read(plain(2n ** 63n - 1n, 1)), `9223372036854775807 ${nonce}`);
  assert.equal(read(plain(2n ** 63n - 1n, 2)), "INTERNAL"); // it wraps
  assert.equal(read(plain(0n, 1)), "INTERNAL");
  assert.equal(read(plain(-1n, 1)), "INTERNAL");
  assert.equal(read(plain(1n, 0)), "INTERNAL");
  for (const at of [0, 1, 2, 3, 4, 13, 14, 15, 20, 21, 22, 23, 24, 25, 26]) {
    const body = plain(5n, 1);
    body[at] = (body[at] ?? 0) ^ 1;
    assert.notEqual(read(body), `5 ${nonce}`, `byte ${at}`);
  }
  // Another name of the same length: that answer has no ids.
  const renamed = plain(5n, 1);
  renamed[2] = "a".charCodeAt(0);
  assert.equal(read(renamed), "INTERNAL");
});
