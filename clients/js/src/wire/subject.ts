import { badRequest, type Fault } from "../fault.js";

/** First token of every request subject unless configured otherwise. */
export const ROOT = "seq";

const MAX_TOKEN = 64; // bytes
const MAX_KEY = 200; // bytes, escapes and separators included
const MAX_KEY_TOKENS = 15;

const TOKEN = /^[A-Za-z0-9_-]+$/;
const KEY_BYTE = /[A-Za-z0-9_\-/]/;
const utf8 = new TextEncoder();

/** The subject to ask for ids of an escaped key. */
export function subject(root: string, store: string, key: string): string {
  return `${root}.${store}.${key}`;
}

/** A fault unless `s` can be a store's name or a root. `what` names it. */
export function checkToken(what: string, s: unknown): Fault | undefined {
  if (typeof s !== "string") return badRequest(`${what} must be a string, not ${typeof s}`);
  if (s === "" || s.length > MAX_TOKEN) {
    return badRequest(`${what} must have 1 to ${MAX_TOKEN} bytes, not ${s.length}`);
  }
  if (!TOKEN.test(s)) return badRequest(`${what} may hold A-Z a-z 0-9 _ - only, not ${JSON.stringify(s)}`);
  return undefined;
}

/**
 * Writes any text as a key. A dot separates tokens, but one that is first, last or follows another
 * dot becomes `=2E`; every other byte outside `A-Za-z0-9-_/` becomes `=XX`. Different texts give
 * different keys.
 */
export function escapeKey(text: unknown): string | Fault {
  if (typeof text !== "string") return badRequest(`key must be a string, not ${typeof text}`);
  // A key is at least as long as its text.
  if (text === "" || text.length > MAX_KEY) return badKeyLength(text.length);
  // TextEncoder writes one and the same character for every half of a surrogate pair, and two texts
  // would share a key.
  if (!text.isWellFormed()) return badRequest("key is no well-formed text: it holds half a surrogate pair");
  let key = "";
  let tokens = 1;
  const bytes = utf8.encode(text);
  for (const [i, byte] of bytes.entries()) {
    const c = String.fromCharCode(byte);
    if (c === "." && i > 0 && i < bytes.length - 1 && bytes[i - 1] !== byte) {
      key += c;
      tokens++;
    } else if (KEY_BYTE.test(c)) {
      key += c;
    } else {
      key += `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    }
  }
  if (key.length > MAX_KEY) return badKeyLength(key.length);
  if (tokens > MAX_KEY_TOKENS) {
    return badRequest(`key has ${tokens} tokens, at most ${MAX_KEY_TOKENS} are allowed`);
  }
  return key;
}

function badKeyLength(n: number): Fault {
  return badRequest(`key must have 1 to ${MAX_KEY} bytes when written for the wire, not ${n}`);
}
