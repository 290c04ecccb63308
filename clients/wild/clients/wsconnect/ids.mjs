import { readFileSync } from "node:fs";
import { headers, wsconnect } from "@nats-io/nats-core";

// [write]
// Node 22 and browsers have a WebSocket; Node 20 takes the one of the package ws.
globalThis.WebSocket ??= (await import("ws")).WebSocket;
const nc = await wsconnect({ servers: process.env.WILD_WS_URL });

async function ids(nc, subject, n = 1) {
  const h = headers();
  h.set("Seq-Timeout-Ms", "2000");
  const answer = (await nc.request(subject, JSON.stringify({ n }), { timeout: 2000, headers: h })).json();
  if (answer.code) throw new Error(`${answer.code}: ${answer.error}`);
  return BigInt(answer.id);
}
// [/write]

const subject = process.env.WILD_SUBJECT;
console.log("row: wsconnect, by websocket");
console.log(`version: nats-core ${JSON.parse(readFileSync(new URL("node_modules/@nats-io/nats-core/package.json", import.meta.url))).version}`);
console.log(`id: yes: \`${await ids(nc, subject, 3)}\``);
const reply = await nc.request(subject, '{"n":0}');
console.log(`error: a reply like any other, with the header \`Nats-Service-Error-Code: ${reply.headers.get("Nats-Service-Error-Code")}\`; its \`headers.hasError\` is ${reply.headers.hasError}`);
await nc.request("seq.nosuch.key").catch((e) => console.log(`nobody: \`${e.name}\` (${e.message.split(":")[0]}) at once`));
await nc.close();
