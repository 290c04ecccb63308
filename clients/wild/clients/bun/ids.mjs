import { connect } from "@nats-io/transport-node";
import { Client, connectOptions, SeqdError } from "@seqd/client";

// [write]
const nc = await connect({ ...connectOptions(), servers: process.env.NATS_URL });
const client = new Client(nc);
const id = await client.next("wild", process.env.WILD_ROW);
// [/write]

const runtime = globalThis.Deno ? `Deno ${Deno.version.deno}` : `Bun ${Bun.version}`;
console.log(`row: @seqd/client on ${runtime.split(" ")[0]}`);
console.log(`version: ${runtime}`);
const range = await client.nextN("wild", process.env.WILD_ROW, 500);
const many = client.sequence("wild", process.env.WILD_ROW);
const all = await Promise.all(Array.from({ length: 500 }, () => many.next()));
console.log(`id: yes: \`${id}\`, then \`${range}\`, then ${new Set(all).size} different ones by a sequence`);
await client.nextN("wild", process.env.WILD_ROW, 100001).catch((e) => console.log(`error: \`${e.name}\`, a \`SeqdError\`: ${e instanceof SeqdError}`));
await client.next("nosuch", "key", { timeout: 300 }).catch((e) => console.log(`nobody: \`${e.name}\` after its timeout, in which it asks again`));
await nc.close();
