import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import { connectOptions } from "@seqd/client";
import { repository } from "./vectors.js";

/** Anything that lets go of things when the test ends: a test's context, or node:test's `after`. */
export type Scope = Pick<TestContext, "after">;

/** A program that the test script has built. */
function program(name: string): string {
  const path = join(repository(), "clients", "js", "build", "bin", name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run clients/js/test, which builds it`);
  return path;
}

/** Starts a program and waits until one of its lines matches. Both streams count. */
async function start(path: string, args: string[], ready: RegExp) {
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const line = await new Promise<RegExpMatchArray>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${path} is not ready after 30 s:\n${output}`)), 30_000);
    const read = (stream: Readable) => {
      createInterface(stream).on("line", (line) => {
        output += `${line}\n`;
        const match = line.match(ready);
        if (match) resolve(match);
        if (match) clearTimeout(timer);
      });
    };
    read(child.stdout);
    read(child.stderr);
    child.on("exit", (code) => reject(new Error(`${path} ended with ${code}:\n${output}`)));
  });
  return { child, line };
}

/** Ends a program that `start` started, and waits for its end. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

/** A NATS server on a port of its own, or on the one given, until the test ends. */
export async function natsServer(t: Scope, args: string[] = [], port = -1) {
  const ready = /Listening for client connections on 127\.0\.0\.1:(\d+)/;
  const flags = ["--addr", "127.0.0.1", "--port", String(port), ...args];
  const { child, line } = await start(program("nats-server"), flags, ready);
  t.after(() => stop(child));
  return { url: `nats://127.0.0.1:${line[1]}`, port: Number(line[1]), child };
}

/** `seqd dev`: a NATS server, etcd and a worker in one process, until the test ends. */
export async function seqdDev(t: Scope, config?: string) {
  const dir = mkdtempSync(join(tmpdir(), "seqd-js-"));
  const flags = ["dev", "--data-dir", dir, "--nats-port", "0", "--etcd-port", "0", "--http-port", "0"];
  if (config) flags.push("--config", config);
  const { child, line } = await start(program("seqd"), flags, /^ready nats=(\S+) /);
  t.after(async () => {
    await stop(child);
    rmSync(dir, { recursive: true, force: true });
  });
  return { url: line[1] ?? "", child };
}

/** A connection to a server, until the test ends. */
export async function connection(t: Scope, url: string, options: NodeConnectionOptions = {}) {
  const nc = await connect({ ...connectOptions(), servers: url, reconnectTimeWait: 20, ...options });
  t.after(() => nc.close());
  return nc;
}
