/**
 * Does what a runner tells it, for comparison with the other clients: one JSON command a line comes
 * in, one JSON result a line goes out. Ids are decimal strings. Times are nanoseconds of the
 * machine's monotonic clock, which all processes share, as whole JSON numbers.
 */
import { createInterface } from "node:readline";
import { connect } from "@nats-io/transport-node";
import { Client, connectOptions, type Mode, type Options, type Range, SeqdError } from "@seqd/client";

interface Command {
  op: "next" | "load" | "rate" | "exit";
  store: string;
  key: string;
  n?: number;
  mode?: Mode;
  timeout_ms?: number;
  callers?: number;
  calls?: number;
  duration_ms?: number;
  sequence?: boolean;
}

const CODES = new Set([
  ...["BAD_REQUEST", "FENCED", "BUSY", "INTERNAL", "UNAVAILABLE", "EXPIRED", "EXHAUSTED"],
  ...["NO_WORKERS", "TIMEOUT"],
]);

const nc = await connect({ ...connectOptions(), servers: process.env.NATS_URL || "nats://127.0.0.1:4222" });
const client = new Client(nc);
print({ ready: true });
for await (const line of createInterface(process.stdin)) {
  if (line.trim() === "") continue;
  const command = JSON.parse(line) as Command;
  if (command.op === "exit") break;
  try {
    console.log(await run(command));
  } catch (e) {
    print(failed(e));
  }
}
await nc.close();
process.stdin.destroy(); // or the process would wait for its end

async function run(c: Command): Promise<string> {
  switch (c.op) {
    case "next": {
      const ids = await asker(c)();
      return JSON.stringify({ id: String(ids.first), n: ids.n });
    }
    case "load":
      return load(c);
    case "rate":
      return rate(c);
    default:
      throw new Error(`no such op: ${c.op}`);
  }
}

/** A function that makes one call. */
function asker(c: Command): () => Promise<Range> {
  const options: Options = { mode: c.mode ?? "default" };
  if (c.timeout_ms !== undefined) options.timeout = c.timeout_ms;
  const n = c.n ?? 1;
  if (!c.sequence) return () => client.nextN(c.store, c.key, n, options);
  const sequence = client.sequence(c.store, c.key, options);
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
        ops.push(`[${start},${process.hrtime.bigint()},"${ids.first}",${ids.n}]`);
      } catch (e) {
        const { error } = failed(e);
        errors[error] = (errors[error] ?? 0) + 1;
      }
    }
  });
  return `{"ops":[${ops.join(",")}],"errors":${JSON.stringify(errors)}}`;
}

async function rate(c: Command): Promise<string> {
  const ask = asker(c);
  const start = performance.now();
  const end = start + (c.duration_ms ?? 1000);
  let ids = 0;
  await concurrently(c.callers ?? 1, async () => {
    while (performance.now() < end) {
      const { n } = await ask(); // not within the sum, which would forget what others added meanwhile
      ids += n;
    }
  });
  return JSON.stringify({ ids_per_second: (ids * 1000) / (performance.now() - start) });
}

async function concurrently(callers: number, call: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: callers }, call));
}

function failed(e: unknown): { error: string; text: string } {
  const text = e instanceof Error ? e.message : String(e);
  return { error: e instanceof SeqdError && CODES.has(e.code) ? e.code : "OTHER", text };
}

function print(result: unknown): void {
  console.log(JSON.stringify(result));
}
