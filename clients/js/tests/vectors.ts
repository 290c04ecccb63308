import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository this file lies in: the folder above that holds the shared vectors. */
export function repository(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (existsSync(join(dir, "subjects", "testdata", "README.md"))) return dir;
    if (dir === dirname(dir)) throw new Error("no folder above holds subjects/testdata");
  }
}

/** One of the vector files that all clients share; README.md beside them explains the format. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(repository(), "subjects", "testdata", name), "utf8")) as T;
}

/** A nonce as the vectors write it. */
export interface NonceVector {
  kind: "str" | "bin" | "int";
  value: string;
  msgpack: string;
  json: string;
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function hex(b: Uint8Array): string {
  return Buffer.from(b).toString("hex");
}
