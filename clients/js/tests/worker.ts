import { decode, encode } from "@msgpack/msgpack";
import { headers, type Msg } from "@nats-io/nats-core";
import { connection, type Scope } from "./servers.js";

/** What a scripted worker got. */
export class Request {
  readonly num: number; // 1 for the worker's first
  readonly arrived = performance.now();
  readonly msg: Msg;
  readonly n: number;
  readonly mode: string;
  readonly nonce: bigint;
  readonly idempotencyKey: string | undefined;
  readonly timeout: number; // ms

  constructor(num: number, msg: Msg) {
    this.num = num;
    this.msg = msg;
    // A library that is not ours reads what we wrote, and writes what we read.
    const body = decode(msg.data, { useBigInt64: true }) as {
      n?: number;
      mode?: string;
      nonce: bigint;
      idempotency_key?: string;
    };
    this.n = body.n ?? 1;
    this.mode = body.mode ?? "default";
    this.nonce = body.nonce;
    this.idempotencyKey = body.idempotency_key;
    this.timeout = Number(msg.headers?.get("Seq-Timeout-Ms"));
  }

  ids(first: bigint): void {
    this.send({ id: first, n: this.n, nonce: this.nonce });
  }

  send(reply: Record<string, unknown>, header?: [string, string]): void {
    const h = headers();
    if (header) h.set(...header);
    this.msg.respond(encode(reply, { useBigInt64: true }), header ? { headers: h } : {});
  }

  fail(
    code: string,
    options: { number?: number; text?: string; retryAfter?: number; nonce?: bigint } = {},
  ): void {
    const { number = 500, text = "scripted", retryAfter, nonce = this.nonce } = options;
    const h = headers();
    h.set("Nats-Service-Error-Code", String(number));
    h.set("Nats-Service-Error", `${code}: ${text}`);
    const retry = retryAfter === undefined ? {} : { retry_after_ms: retryAfter };
    this.msg.respond(encode({ code, error: text, ...retry, nonce }, { useBigInt64: true }), { headers: h });
  }

  raw(body: Uint8Array | string): void {
    this.msg.respond(body);
  }
}

export interface Worker {
  requests: Request[];
}

/** A worker for all stores that answers as told, until the test ends. */
export async function worker(
  t: Scope,
  url: string,
  answer: (r: Request) => void,
  root = "seq",
): Promise<Worker> {
  const nc = await connection(t, url);
  const requests: Request[] = [];
  nc.subscribe(`${root}.*.>`, {
    queue: "seqd",
    callback: (_err, msg) => {
      const r = new Request(requests.length + 1, msg);
      requests.push(r);
      answer(r);
    },
  });
  await nc.flush(); // from here on the server knows the subscription
  return { requests };
}

/** Issues ids as a worker does: one counter for each subject. */
export function counters(): (r: Request) => void {
  const last = new Map<string, bigint>();
  return (r) => {
    const before = last.get(r.msg.subject) ?? 0n;
    last.set(r.msg.subject, before + BigInt(r.n));
    r.ids(before + 1n);
  };
}

/**
 * Counts in a period, and answers an idempotency key as it did before. The answers to the requests
 * with the numbers in `lost` never arrive.
 */
export class Answers {
  last = 0n;
  readonly #recorded = new Map<string, bigint>();
  readonly #lost: Set<number>;

  constructor(...lost: number[]) {
    this.#lost = new Set(lost);
  }

  readonly answer = (r: Request): void => {
    const recorded = this.#recorded.get(r.idempotencyKey ?? "");
    const first = recorded ?? this.last + 1n;
    if (recorded === undefined) {
      this.last += BigInt(r.n);
      if (r.idempotencyKey !== undefined) this.#recorded.set(r.idempotencyKey, first);
    }
    if (this.#lost.has(r.num)) return;
    const numbers = Array.from({ length: r.n }, (_, i) => {
      return `INV-2026-${String(first + BigInt(i)).padStart(6, "0")}`;
    });
    const printed = r.n === 1 ? { number: numbers[0] } : { numbers };
    const reply = { id: first, n: r.n, period: "2026", ...printed, nonce: r.nonce };
    r.send(reply, recorded === undefined ? undefined : ["Seq-Replayed", "true"]);
  };
}
