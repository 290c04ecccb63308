const NATS = require("nats");

const subject = process.env.WILD_SUBJECT;

// [write]
// The timeout is an argument: requestOne forgets one that stands in its options.
// Never an empty body: its answer is msgpack, which this client turns into text.
function ids(nc, subject, n, done) {
  nc.requestOne(subject, JSON.stringify({ n }), 2000, (answer) => {
    if (answer instanceof NATS.NatsError) return done(answer);
    const { code, error, id } = JSON.parse(answer);
    if (code) return done(new Error(`${code}: ${error}`));
    done(null, BigInt(id));
  });
}
// [/write]

const nc = NATS.connect({ url: process.env.NATS_URL });
console.log("row: nats 1.4, Node");
let heard = false; // of the timeout in the options
nc.requestOne("seq.nosuch.key", "{}", { timeout: 100 }, () => (heard = true));
console.log(`version: ${require("nats/package.json").version}`);
ids(nc, subject, 3, (err, id) => {
  console.log(`id: yes, in JSON: \`${id}\``);
  nc.requestOne(subject, "", 2000, (answer) => {
    const bytes = Buffer.from(answer);
    console.log(`note: an empty body is answered in 20 bytes of msgpack, and the callback gets a ${typeof answer} of ${bytes.length} bytes`);
    nc.requestOne(subject, '{"n":0}', 2000, (answer) => {
      console.log(`error: in the body alone: \`${answer}\``);
      nc.requestOne("seq.nosuch.key", "{}", 500, (answer) => {
        console.log(`nobody: \`${answer.code}\` after its timeout; with \`{ timeout: 100 }\` for options ${heard ? "the same" : "nothing was heard by then"}`);
        nc.close();
      });
    });
  });
});
