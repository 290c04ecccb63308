/**
 * Asks for ten ids of one key, one after the other:
 *
 *     npm run demo -- -s sequencer_demo
 */
import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import { Client, connectOptions } from "@seqd/client";

const key = "key666";
const { store } = parseArgs({
  options: { store: { type: "string", short: "s", default: "sequencer_demo" } },
}).values;

const servers = process.env.NATS_URL || "nats://127.0.0.1:4222";
const nc = await connect({ ...connectOptions(), servers });
try {
  const client = new Client(nc);
  console.log(`Try to get next id.Key:${key}`);
  for (let i = 0; i < 10; i++) {
    console.log(`Next id:next_id:${await client.next(store, key)}`);
  }
  console.log("Demo success!");
} finally {
  await nc.close();
}
