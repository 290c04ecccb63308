/**
 * Does what a runner tells it, for comparison with the other clients: one JSON command a line comes
 * in, one JSON result a line goes out, as clients/conformance describes them. Ids are decimal strings.
 * Times are nanoseconds of the machine's monotonic clock, which all processes share, as whole JSON
 * numbers.
 */
import { createInterface } from "node:readline";
import { connect } from "@nats-io/transport-node";
import { type CallOptions, Client, connectOptions, type IdRange, type Mode, SeqdError } from "@seqd/client";

interface Command {
  op: "next" | "numbers" | "load" | "rate" | "connect" | "close" | "exit";
  store: string;
  key: string;
  n?: number;
  mode?: Mode;
  timeout_ms?: number;
  callers?: number;
  calls?: number;
  duration_ms?: number;
  sequence?: boolean;
  bare?: boolean; // without the client
  closed?: boolean;
  idempotency_key?: string | null; // "" is one, for the client to refuse
  url?: string;
}

const READY = JSON.stringify({ ready: true });

let nc = await dial(process.env.NATS_URL || "nats://127.0.0.1:4222");
let client = new Client(nc);
console.log(READY);
for await (const line of createInterface(process.stdin)) {
  if (line.trim() === "") continue;
  const command = JSON.parse(line) as Command;
  if (command.op === "exit") break;
  console.log(await run(command).catch((e) => JSON.stringify(failed(e))));
}
await nc.close();
process.stdin.destroy(); // or the process would wait for its end

async function run(c: Command): Promise<string> {
  switch (c.op) {
    case "next": {
      const ids = await asker(c)();
      return JSON.stringify({ id: String(ids.start), n: ids.length, range: String(ids) });
    }
    case "numbers": {
      const { ids, ...others } = await client.numbers(c.store, c.key, c.n ?? 1, options(c));
      return JSON.stringify({ ...others, id: String(ids.start), n: ids.length, range: String(ids) });
    }
    case "load":
      return load(c);
    case "rate":
      return rate(c);
    case "connect":
      await nc.close();
      nc = await dial(c.url ?? "");
      client = new Client(nc);
      return READY;
    case "close":
      await nc.close();
      return READY;
    default:
      throw new Error(`no such op: ${c.op}`);
  }
}

function dial(servers: string) {
  return connect({ ...connectOptions(), servers });
}

function options(c: Command): CallOptions {
  const given: CallOptions = { mode: c.mode ?? "default" };
  if (c.timeout_ms !== undefined) given.timeout = c.timeout_ms;
  if (c.idempotency_key != null) given.idempotencyKey = c.idempotency_key;
  return given;
}

/** A function that makes one call. */
function asker(c: Command): () => Promise<IdRange> {
  const given = options(c);
  const n = c.n ?? 1;
  if (!c.sequence && !c.closed) return () => client.nextN(c.store, c.key, n, given);
  const sequence = client.sequence(c.store, c.key, given);
  if (c.closed) sequence.close();
  return () => sequence.nextN(n);
}

async function load(c: Command): Promise<string> {
  const ask = asker(c);
  const ops: string[] = [];
  const errors: Record<string, number> = {};
  await concurrently(c.callers ?? 1, async () => {
    for (let i = 0; i < (c.calls ?? 1); i++) {
      const start = process.hrtime.bigint();
      try {
        const ids = await ask();
        // By hand, as JSON.stringify takes no bigint and a number might not be exact.
        ops.push(`[${start},${process.hrtime.bigint()},"${ids.start}",${ids.length}]`);
      } catch (e) {
        const { error } = failed(e);
        errors[error] = (errors[error] ?? 0) + 1;
      }
    }
  });
  return `{"ops":[${ops.join(",")}],"errors":${JSON.stringify(errors)}}`;
}

async function rate(c: Command): Promise<string> {
  const ask = c.bare ? bare(c) : asker(c);
  const start = performance.now();
  const end = start + (c.duration_ms ?? 1000);
  let ids = 0;
  if (c.bare && c.sequence) {
    ids = await crowd(c.callers ?? 1, end, ask);
    return JSON.stringify({ ids_per_second: (ids * 1000) / (performance.now() - start) });
  }
  await concurrently(c.callers ?? 1, async () => {
    while (performance.now() < end) {
      const { length } = await ask(); // not within the sum, which would forget what others added meanwhile
      ids += length;
    }
  });
  return JSON.stringify({ ids_per_second: (ids * 1000) / (performance.now() - start) });
}

/** A function that asks for an id without the client. */
function bare(c: Command): () => Promise<{ length: number }> {
  const mode = new TextEncoder().encode(c.mode ?? "default");
  const name = new TextEncoder().encode("mode");
  const body = Uint8Array.from([0x81, 0xa0 | name.length, ...name, 0xa0 | mode.length, ...mode]);
  return async () => {
    await nc.request(`seq.${c.store}.${c.key}`, body, { timeout: 2000 });
    return { length: 1 };
  };
}

/** Callers who wait together until `end`, each for a promise: the last one to come asks for all. Returns their ids. */
async function crowd(callers: number, end: number, ask: () => Promise<unknown>): Promise<number> {
  let waiting: ((over: boolean) => void)[] = [];
  const serve = async () => {
    await ask();
    const over = performance.now() >= end;
    const calls = waiting;
    waiting = [];
    for (const call of calls) call(over);
  };
  let ids = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let over = false; !over; ids++) {
        over = await new Promise<boolean>((resolve) => {
          if (waiting.push(resolve) === callers) void serve();
        });
      }
    }),
  );
  return ids;
}

async function concurrently(callers: number, call: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: callers }, call));
}

/** What a call failed with. Anything but an error of the client's ends the program. */
function failed(e: unknown): { error: string; text: string; ids_may_be_spent: boolean } {
  if (!(e instanceof SeqdError)) throw e;
  return { error: e.code, text: e.message, ids_may_be_spent: e.idsMayBeSpent };
}
