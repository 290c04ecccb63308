const { connect, headers } = require("nats");

const subject = process.env.WILD_SUBJECT;

// [write]
async function ids(nc, subject, n = 1) {
  const h = headers();
  h.set("Seq-Timeout-Ms", "2000");
  const answer = (await nc.request(subject, JSON.stringify({ n }), { timeout: 2000, headers: h })).json();
  if (answer.code) throw new Error(`${answer.code}: ${answer.error}`);
  return BigInt(answer.id);
}
// [/write]

(async () => {
  const nc = await connect({ servers: process.env.NATS_URL });
  console.log("row: nats 2, Node");
  console.log(`version: ${require("nats/package.json").version}`);
  console.log(`id: yes: \`${await ids(nc, subject, 3)}\``);
  const reply = await nc.request(subject, '{"n":0}');
  console.log(`error: a reply like any other, with the header \`Nats-Service-Error-Code: ${reply.headers.get("Nats-Service-Error-Code")}\`; its \`headers.hasError\` is ${reply.headers.hasError}`);
  await nc.request("seq.nosuch.key").catch((e) => console.log(`nobody: \`${e.name}\` with code ${e.code} at once`));
  await nc.close();
})();
