import { badRequest, type Fault } from "../fault.js";
import type { Mode } from "../options.js";

/** Header: the caller's patience in milliseconds, counted from the request's arrival. */
export const TIMEOUT_HEADER = "Seq-Timeout-Ms";

/** Bounds the ids of one request whatever a store allows: a reply writes their number in 32 bits. */
export const MAX_N = 2 ** 32 - 1;

/** Bounds the ids of one request for a key that has numbers. */
export const MAX_NUMBERS = 1000;

const MAX_IDEMPOTENCY_KEY = 64; // bytes

export interface Request {
  n: number;
  mode: Mode;
  nonce?: Uint8Array; // a msgpack element, as the reply is going to echo it
  idempotencyKey?: string | undefined;
}

const utf8 = new TextEncoder();
const N = str("n");
const MODE = { weak: [...str("mode"), ...str("weak")], strong: [...str("mode"), ...str("strong")] };
const NONCE = str("nonce");
const IDEMPOTENCY_KEY = str("idempotency_key");

/**
 * A request's body: a msgpack map of the fields that differ from their defaults, in the order n,
 * mode, nonce, idempotency_key; nothing at all where none does.
 */
export function encodeRequest(r: Request): Uint8Array {
  const body = [0x80];
  let fields = 0;
  if (r.n > 1) {
    body.push(...N, ...uint(r.n));
    fields++;
  }
  if (r.mode !== "default") {
    body.push(...MODE[r.mode]);
    fields++;
  }
  if (r.nonce) {
    body.push(...NONCE, ...r.nonce);
    fields++;
  }
  if (r.idempotencyKey !== undefined) {
    body.push(...IDEMPOTENCY_KEY, ...str(r.idempotencyKey));
    fields++;
  }
  body[0] = 0x80 | fields;
  return fields === 0 ? new Uint8Array() : Uint8Array.from(body);
}

/** An integer nonce, always in the 9-byte form so that every decoder gives back one type. */
export function intNonce(u: bigint): Uint8Array {
  const nonce = new Uint8Array(9);
  nonce[0] = 0xcf;
  new DataView(nonce.buffer).setBigUint64(1, u);
  return nonce;
}

/** A fault unless a request can carry the idempotency key. */
export function checkIdempotencyKey(key: unknown): Fault | undefined {
  if (typeof key !== "string") return badRequest(`idempotencyKey must be a string, not ${typeof key}`);
  // TextEncoder writes one and the same character for every half of a surrogate pair.
  if (!key.isWellFormed()) return badRequest("idempotencyKey is no text: it holds half a surrogate pair");
  const size = utf8.encode(key).length;
  if (size >= 1 && size <= MAX_IDEMPOTENCY_KEY) return undefined;
  return badRequest(`idempotencyKey must have 1 to ${MAX_IDEMPOTENCY_KEY} bytes, not ${size}`);
}

/** A string of less than 256 bytes in the shortest form. */
function str(s: string): number[] {
  const text = utf8.encode(s);
  return text.length < 32 ? [0xa0 | text.length, ...text] : [0xd9, text.length, ...text];
}

/** A number below 2^32 in the shortest form. */
function uint(u: number): number[] {
  if (u < 128) return [u];
  if (u < 2 ** 8) return [0xcc, u];
  if (u < 2 ** 16) return [0xcd, u >> 8, u & 255];
  return [0xce, u >>> 24, (u >>> 16) & 255, (u >>> 8) & 255, u & 255];
}
