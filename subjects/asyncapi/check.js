// Reads ../asyncapi.yaml with AsyncAPI's parser, and validates every message of the
// vectors with the document's schemas. What the vectors call good must be valid, and
// what they call bad must not, but for what no schema can say.
import { readFileSync } from "node:fs";
import { Parser, fromFile } from "@asyncapi/parser";
import { decode } from "@msgpack/msgpack";
import Ajv from "ajv";

const here = new URL(".", import.meta.url).pathname;
const vectors = (name) => JSON.parse(readFileSync(`${here}../testdata/${name}.json`, "utf8"));
const faults = [];
let unsaid = [];

const { document, diagnostics } = await fromFile(new Parser(), `${here}../asyncapi.yaml`).parse();
for (const d of diagnostics.filter((d) => d.severity <= 1)) { // errors and warnings
  faults.push(`line ${d.range.start.line + 1}: ${d.message} (${d.code})`);
}
if (document === undefined) {
  end();
}

const ajv = new Ajv({ strict: false, validateFormats: false });
const messages = new Map(document.components().messages().all().map((m) => [m.id(), m]));
const compiled = new Map();
function valid(message, part, value) {
  const at = `${message} ${part}`;
  if (!compiled.has(at)) {
    compiled.set(at, ajv.compile(messages.get(message)[part]().json()));
  }
  return compiled.get(at)(value) ? null : ajv.errorsText(compiled.get(at).errors);
}

// JSON schemas know neither binary nor integers above 2^53. Binary becomes text of as
// many characters, and an integer the nearest number.
function plain(value) {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  }
  return value;
}
const utf8 = new TextDecoder("utf-8", { fatal: true });
const name = (key) => (key instanceof Uint8Array ? utf8.decode(key) : typeof key === "string" ? key : `(${typeof key})`);
const msgpack = (hex) => plain(decode(Buffer.from(hex, "hex"), { useBigInt64: true, mapKeyConverter: name }));

// Header names as the document writes them: they are read in any case.
const known = ["Accept", "Seq-Count", "Seq-Mode", "Seq-Timeout-Ms", "Idempotency-Key", "Seq-Id"];
const spelt = (headers) =>
  Object.fromEntries(Object.entries(headers).map(([k, v]) => [known.find((n) => n.toLowerCase() === k.toLowerCase()) ?? k, v]));

// request returns what is wrong with a request, and null if nothing is.
function request(v) {
  const headers = valid("EmptyRequest", "headers", spelt(v.headers));
  if (headers) return headers;
  const bytes = Buffer.from(v.body, "hex");
  if (bytes.length === 0) return null;
  try {
    if (/^[ \t\r\n]*\{/.test(bytes.toString("latin1"))) {
      return valid("JsonRequest", "payload", JSON.parse(utf8.decode(bytes)));
    }
    return valid("MsgpackRequest", "payload", msgpack(v.body));
  } catch (e) {
    return e.message;
  }
}

// So many bad requests are valid for the schemas, which can't say: a name that is nearly
// right, a field or a header twice, a whole number that is a float or rounded to 64
// bits, bytes of characters, half a surrogate pair, and how HTTP weighs media types.
// With another number, look at `node check.js --list` before you write it here.
const unsayable = 58;
let tried = 0;
function must(ok, what, why) {
  tried++;
  if (!ok) faults.push(`${what}: ${why}`);
}

const requests = vectors("requests");
for (const v of requests.good) {
  // A header that is right wins over a field that is out of range.
  if (v.name === "Seq-Count wins over an n out of range") continue;
  const why = request(v);
  must(why === null, `good request ${v.name}`, why);
}
unsaid = requests.bad.filter((v) => request(v) === null).map((v) => v.name);
tried += requests.bad.length - unsaid.length;
must(unsaid.length === unsayable, "bad requests", `${unsaid.length} are valid for the schemas, and not ${unsayable}`);

const replies = vectors("replies");
for (const v of [...replies.replies, ...replies.numbered]) {
  for (const [message, value] of [
    ["MsgpackRange", msgpack(v.msgpack)],
    ["JsonRange", JSON.parse(v.json)],
    [v.numbers ? "TextNumbers" : "TextRange", v.plain],
  ]) {
    const why = valid(message, "payload", value) ?? valid(message, "headers", v.headers ?? {});
    must(why === null, `reply ${v.json} as ${message}`, why);
  }
}

const errors = vectors("errors");
for (const v of errors.errors) {
  for (const [message, value] of [["MsgpackError", msgpack(v.msgpack)], ["JsonError", JSON.parse(v.json)], ["TextError", v.plain]]) {
    const why = valid(message, "payload", value) ?? valid(message, "headers", v.headers);
    must(why === null, `error ${v.code} ${v.text.slice(0, 20)} as ${message}`, why);
  }
  must(valid("MsgpackRange", "payload", msgpack(v.msgpack)) !== null, `error ${v.code}`, "can be taken for ids");
}
const schemas = document.components().schemas();
const codes = errors.codes.map((c) => c.code).join();
const numbers = errors.codes.map((c) => String(c.number)).join();
must(schemas.get("Code").json().enum.join() === codes, "codes", `are not ${codes}`);
must(schemas.get("ErrorHeaders").json().properties["Nats-Service-Error-Code"].enum.join() === numbers, "codes' numbers", `are not ${numbers}`);


// What a client must not take for ids, a schema refuses too, but for a range that wraps,
// and for numbers that JSON does not tell apart.
const unsayableOf = /wrap|2\^63|float/;
const decodable = (v) => {
  try {
    return valid("MsgpackRange", "payload", msgpack(v.body)) === null;
  } catch {
    return false; // broken
  }
};
for (const v of vectors("decode").refuse) {
  if (v.headers["Nats-Service-Error-Code"] === undefined && !unsayableOf.test(v.name)) {
    must(!decodable(v), `answer ${v.name}`, "can be taken for ids");
  }
}
end();

function end() {
  for (const f of faults) console.error(`asyncapi: ${f}`);
  if (process.argv.includes("--list")) console.log(unsaid.join("\n"));
  if (faults.length > 0) process.exit(1);
  console.log(`asyncapi: the document is valid, and agrees with ${tried} messages of the vectors`);
  console.log(`asyncapi: ${unsaid.length} bad requests are more than a schema can say`);
}
