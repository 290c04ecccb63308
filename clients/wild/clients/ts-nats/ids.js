const { connect, Payload } = require("ts-nats");

const subject = process.env.WILD_SUBJECT;

// [write]
// With payload: Payload.JSON a request must have a body; {} asks for one id.
async function ids(nc, subject, n = 1) {
  const { data } = await nc.request(subject, 2000, { n });
  if (data.code) throw new Error(`${data.code}: ${data.error}`);
  return BigInt(data.id);
}
// [/write]

(async () => {
  const nc = await connect({ url: process.env.NATS_URL, payload: Payload.JSON });
  console.log("row: ts-nats");
  console.log(`version: ${require("ts-nats/package.json").version}`);
  console.log(`id: yes, in JSON: \`${await ids(nc, subject, 3)}\``);
  await nc.request(subject, 2000).then(
    (m) => console.log(`note: a request without a body gets \`${JSON.stringify(m.data)}\``),
    (e) => console.log(`note: a request without a body fails in the client: \`${e.code}\``),
  );
  const { data } = await nc.request(subject, 2000, { n: 0 });
  console.log(`error: in the body alone: \`${JSON.stringify(data)}\``);
  await nc.request("seq.nosuch.key", 500, {}).catch((e) => console.log(`nobody: \`${e.code}\` after its timeout`));
  nc.close();
})();
