const Hemera = require("nats-hemera");
const nats = require("nats").connect({ url: process.env.NATS_URL });

const hemera = new Hemera(nats, { logLevel: "silent", timeout: 1000 });
const shown = (action) =>
  action.then(
    (v) => `resolves with \`${JSON.stringify(v.data)}\``,
    (e) => `rejects with \`${e.name}\`, which says ${JSON.stringify(e.message)}`,
  );

hemera.ready(async () => {
  console.log("row: Hemera");
  console.log(`version: ${require("nats-hemera/package.json").version} with nats ${require("nats/package.json").version}`);
  console.log(`id: no way found: \`act({ topic, n: 3 })\` ${await shown(hemera.act({ topic: process.env.WILD_SUBJECT, n: 3 }))}`);
  console.log(`error: ${await shown(hemera.act({ topic: process.env.WILD_SUBJECT, n: 0 }))}`);
  console.log(`nobody: ${await shown(hemera.act({ topic: "seq.nosuch.key" }))}`);
  // [write]
  // The client of NATS that Hemera was given can ask.
  nats.requestOne(process.env.WILD_SUBJECT, '{"n":1}', 2000, (answer) => {
    const { code, id } = JSON.parse(answer);
    // [/write]
    console.log(`note: the next id after that is \`${code || id}\`, by the client of NATS that Hemera was given`);
    hemera.close(() => process.exit());
    // [write]
  });
  // [/write]
});
