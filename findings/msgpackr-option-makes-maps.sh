#!/usr/bin/env bash
# msgpackr 2.1.3: an option for 64-bit integers decides whether a msgpack map becomes
# an object. unpack(bytes) gives { id: 7n }. new Unpackr({ int64AsType: "string" }),
# which is there to have the integers as strings, gives a Map, so that reply.id is
# undefined, without an error. With useRecords: false beside it, it is an object again.
#
# Guess: the option changes integers and nothing else. Seen: any Unpackr of one's own
# is one for msgpackr's extension "records" unless it is told otherwise, and such a one
# reads maps as Map; the function unpack is one without.
# For seqd: who wants ids as strings from msgpackr writes both options.
set -euo pipefail
version=2.1.3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >log 2>&1 && npm install --no-audit --no-fund "msgpackr@$version" >>log 2>&1 || { cat log; exit 2; }
cat >main.mjs <<'JS'
import { readFileSync } from "node:fs";
import { unpack, Unpackr } from "msgpackr";

// {"id": 7}, the integer in 64 bits.
const bytes = Buffer.from("81a26964d30000000000000007", "hex");
const shown = (reply) => `${reply.constructor.name}, reply.id is ${typeof reply.id}`;
const seen = [
  shown(unpack(bytes)),
  shown(new Unpackr({ int64AsType: "string" }).unpack(bytes)),
  shown(new Unpackr({ int64AsType: "string", useRecords: false }).unpack(bytes)),
];
const before = ["Object, reply.id is bigint", "Map, reply.id is undefined", "Object, reply.id is string"];
console.log("msgpackr", JSON.parse(readFileSync("node_modules/msgpackr/package.json")).version);
console.log("unpack:                             ", seen[0]);
console.log('Unpackr({ int64AsType: "string" }): expected Object, reply.id is string; seen', seen[1]);
console.log("the same, and useRecords: false:    ", seen[2]);
process.exit(seen.join() === before.join() ? 0 : 1);
JS
node main.mjs
