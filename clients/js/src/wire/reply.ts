import type { MsgHdrs } from "@nats-io/nats-core";
import { answered, type Fault, MAX_RETRY_AFTER_MS } from "../fault.js";
import { IdRange, Numbers } from "../range.js";
import { type Element, Reader } from "./msgpack.js";
import { MAX_N } from "./request.js";

export const ERROR_CODE_HEADER = "Nats-Service-Error-Code"; // the code's number
export const ERROR_HEADER = "Nats-Service-Error"; // "CODE: text"
const REPLAYED_HEADER = "Seq-Replayed"; // "true": the answer had been recorded before

const MAX_ID = 2n ** 63n - 1n;
const MAX_NONCE = 16; // bytes of a string or binary
const LONGEST_NAME = "retry_after_ms".length;

// A number that is not here, perhaps of a later version, counts as INTERNAL.
const CODES = new Map([
  ["400", "BAD_REQUEST"],
  ["409", "FENCED"],
  ["429", "BUSY"],
  ["500", "INTERNAL"],
  ["503", "UNAVAILABLE"],
  ["504", "EXPIRED"],
  ["507", "EXHAUSTED"],
]);

export interface Reply {
  outcome: Numbers | Fault;
  nonce: Uint8Array | undefined; // as a msgpack element
}

// A worker's answer to a request of ours, if it is neither an error nor from a later version: id, n and
// nonce in their widest forms, with these bytes around and between their values.
const PLAIN_SIZE = 35;
const PLAIN: [number, number][] = [0x83, 0xa2, 0x69, 0x64, 0xd3]
  .map((byte, i): [number, number] => [i, byte])
  .concat([0xa1, 0x6e, 0xce].map((byte, i): [number, number] => [13 + i, byte]))
  .concat([0xa5, 0x6e, 0x6f, 0x6e, 0x63, 0x65, 0xcf].map((byte, i): [number, number] => [20 + i, byte]));

/** Reads an answer that is as plain as nearly all are, in a tenth of the time. Undefined: it is not. */
function decodePlain(body: Uint8Array): Reply | undefined {
  if (body.length !== PLAIN_SIZE) return undefined;
  for (const [at, byte] of PLAIN) if (body[at] !== byte) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, PLAIN_SIZE);
  const ids = rangeOf(view.getBigInt64(5), BigInt(view.getUint32(16)));
  return ids && { outcome: new Numbers(ids), nonce: body.subarray(26) };
}

/** Reads an answer in msgpack. One that is neither ids nor an error is an INTERNAL fault. */
export function decodeReply(headers: Pick<MsgHdrs, "has" | "get"> | undefined, body: Uint8Array): Reply {
  if (!headers) {
    const plain = decodePlain(body);
    if (plain) return plain;
  }
  const a = new Answer();
  const whole = a.read(new Reader(body));
  const isError = headers?.has(ERROR_CODE_HEADER) ?? false;
  if (whole && !isError) {
    const ids = a.ids();
    const replayed = headers?.get(REPLAYED_HEADER) === "true";
    if (ids) return { outcome: new Numbers(ids, a.period, a.numbers, replayed), nonce: a.nonce };
  }
  let code = "INTERNAL";
  let text = "the worker's answer can't be read";
  if (headers && isError) {
    // The headers alone make an error; the body adds what they can't say.
    code = CODES.get(headers.get(ERROR_CODE_HEADER)) ?? code;
    text = headers.get(ERROR_HEADER);
    if (text.startsWith(`${code}: `)) text = text.slice(code.length + 2);
  }
  const retryAfter = a.retryAfter < 0n ? 0n : a.retryAfter;
  const ms = retryAfter > BigInt(MAX_RETRY_AFTER_MS) ? MAX_RETRY_AFTER_MS : Number(retryAfter);
  return { outcome: answered(a.code || code, a.text ?? text, ms), nonce: a.nonce };
}

/**
 * The fields of both kinds of answer, while nobody knows yet which it is. A field of the wrong type
 * counts as absent.
 */
class Answer {
  id = 0n;
  n = 0n;
  retryAfter = 0n;
  period = "";
  numbers: string[] = [];
  nonce: Uint8Array | undefined;
  code: string | undefined;
  text: string | undefined;

  /** Whether the reader holds one whole map and nothing else. */
  read(r: Reader): boolean {
    const map = r.next();
    if (map?.kind !== "map") return false;
    for (let i = 0; i < map.items; i += 2) {
      const name = r.next();
      if (!name || !r.skip(name)) return false;
      const value = r.next();
      if (!value || !r.skip(value)) return false;
      if (name.kind === "str" && name.end - name.data <= LONGEST_NAME) this.#set(r, r.text(name), value);
    }
    return r.rest === 0;
  }

  /** The range, if there is one. */
  ids(): IdRange | undefined {
    return rangeOf(this.id, this.n);
  }

  #set(r: Reader, name: string, value: Element): void {
    if (name === "nonce") {
      const short = value.end - value.data <= MAX_NONCE;
      if (value.kind === "int" || ((value.kind === "str" || value.kind === "bin") && short)) {
        this.nonce = r.raw(value);
      }
    } else if (value.kind === "int") {
      const i = r.int(value);
      if (i === undefined) return;
      if (name === "id") this.id = i;
      else if (name === "n") this.n = i;
      else if (name === "retry_after_ms") this.retryAfter = i;
    } else if (value.kind === "str") {
      if (name === "code") this.code = r.text(value);
      else if (name === "error") this.text = r.text(value);
      else if (name === "period") this.period = r.text(value);
      else if (name === "number") this.numbers = [r.text(value)];
    } else if (value.kind === "array" && name === "numbers") {
      this.numbers = texts(r.bytes.subarray(value.data), value.items) ?? this.numbers;
    }
  }
}

/** The range of `n` ids from `id` on, if it is positive and does not wrap. */
function rangeOf(id: bigint, n: bigint): IdRange | undefined {
  if (id < 1n || n < 1n || n > BigInt(MAX_N) || id > MAX_ID - (n - 1n)) return undefined;
  return new IdRange(id, Number(n));
}

/** The first `n` elements if all are strings. */
function texts(bytes: Uint8Array, n: number): string[] | undefined {
  const r = new Reader(bytes);
  const found: string[] = [];
  for (let i = 0; i < n; i++) {
    const item = r.next();
    if (item?.kind !== "str") return undefined;
    found.push(r.text(item));
  }
  return found;
}
