// Reads seqd's replies with the msgpack libraries of JavaScript, and with JSON.parse.
import { readFileSync } from "node:fs";
import * as msgpackMsgpack from "@msgpack/msgpack";
import ygoe from "@ygoe/msgpack";
import * as messagepack from "messagepack";
import lite from "msgpack-lite";
import msgpack5 from "msgpack5";
import * as msgpackr from "msgpackr";
import notepack from "notepack.io";
import tiny from "tiny-msgpack";
import whatThePack from "what-the-pack";

const bytes = (name) => readFileSync(`${name}.msgpack`);
const installed = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;

function told(read, want) {
  let got;
  try {
    got = read();
  } catch (e) {
    return `refused: ${e.name}: ${e.message}`;
  }
  if (got === undefined) return "undefined, no error";
  if (String(got) !== String(want)) return `${got}, no error`;
  const kinds = { bigint: "a BigInt", string: "a string", object: `an ${got.constructor.name}` };
  return kinds[typeof got] ? `exact, ${kinds[typeof got]}` : "exact";
}

function row(name, version, decode, read = bytes) {
  console.log(`row: JavaScript: ${name}`);
  console.log(`version: ${version}`);
  console.log(`big: ${told(() => decode(read("big")).id, 2n ** 53n + 1n)}`);
  // `| 0` is how JavaScript makes 32 bits of a number.
  console.log(`wide: \`id | 0\`: ${told(() => decode(read("wide")).id | 0, 2n ** 32n + 5n)}`);
  console.log(`error: ${told(() => decode(read("error")).id)}`);
}

const libraries = {
  "@msgpack/msgpack": msgpackMsgpack.decode,
  msgpackr: msgpackr.unpack,
  msgpack5: msgpack5().decode,
  "msgpack-lite": lite.decode,
  "notepack.io": notepack.decode,
  "@ygoe/msgpack": (b) => ygoe.deserialize(b),
  "what-the-pack": whatThePack.initialize(2 ** 20).decode,
  "tiny-msgpack": (b) => tiny.decode(new Uint8Array(b)),
  messagepack: (b) => messagepack.decode(b),
};
for (const [name, decode] of Object.entries(libraries)) row(name, installed(name), decode);
row("@msgpack/msgpack with useBigInt64", installed("@msgpack/msgpack"), (b) => msgpackMsgpack.decode(b, { useBigInt64: true }));
const strings = { int64AsType: "string" };
row("msgpackr with int64AsType: string", installed("msgpackr"), (b) => new msgpackr.Unpackr(strings).unpack(b));
row("the same, and useRecords: false", installed("msgpackr"), (b) => new msgpackr.Unpackr({ ...strings, useRecords: false }).unpack(b));
row("msgpack-lite with int64", installed("msgpack-lite"), (b) => lite.decode(b, { codec: lite.createCodec({ int64: true }) }));
const json = (name) => readFileSync(`${name}.json`);
row("JSON.parse", `Node ${process.versions.node.split(".")[0]}`, JSON.parse, json);
row("JSON.parse, and Number(id)", `Node ${process.versions.node.split(".")[0]}`, (b) => ({ id: Number(JSON.parse(b).id) }), json);
