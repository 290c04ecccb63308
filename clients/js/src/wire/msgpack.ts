/**
 * The little msgpack that seqd's messages need. Own code, as a library would take an id for a
 * number wherever it is not written in 64 bits, and a reply has three fields.
 */

export type Kind = "int" | "str" | "bin" | "array" | "map" | "other";

/** One msgpack element; of an array or a map the head only: the items follow. */
export interface Element {
  kind: Kind;
  start: number; // of the element
  data: number; // where its content begins: a string's text, an integer's bytes
  end: number;
  items: number; // how many elements follow (a map's pairs count twice)
}

const MAX_INT64 = 2n ** 63n - 1n;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Takes msgpack elements off a buffer. It never reads past its end; a count that the rest can't hold
 * is found out there.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.bytes.length - this.#at;
  }

  /** The next element, or undefined where the buffer holds no whole one. */
  next(): Element | undefined {
    const b = this.bytes[this.#at];
    if (b === undefined || b === 0xc1) return undefined; // 0xc1 is never used
    if (b < 0x80 || b >= 0xe0) return this.#take("int", 0, 1);
    if (b < 0x90) return this.#take("map", 1, 0, (b & 0x0f) * 2);
    if (b < 0xa0) return this.#take("array", 1, 0, b & 0x0f);
    if (b < 0xc0) return this.#take("str", 1, b & 0x1f);
    if (b <= 0xc3) return this.#take("other", 1, 0); // nil, false, true
    if (b <= 0xc6) return this.#sized("bin", 1 << (b - 0xc4), 0);
    if (b <= 0xc9) return this.#sized("other", 1 << (b - 0xc7), 1); // ext: a type byte follows the length
    if (b <= 0xcb) return this.#take("other", 1, 4 << (b - 0xca)); // float32, 64
    if (b <= 0xcf) return this.#take("int", 1, 1 << (b - 0xcc)); // uint8, 16, 32, 64
    if (b <= 0xd3) return this.#take("int", 1, 1 << (b - 0xd0)); // int8, 16, 32, 64
    if (b <= 0xd8) return this.#take("other", 2, 1 << (b - 0xd4)); // fixext
    if (b <= 0xdb) return this.#sized("str", 1 << (b - 0xd9), 0);
    const wide = b <= 0xdd ? 2 << (b - 0xdc) : 2 << (b - 0xde); // array16, 32; map16, 32
    const count = this.#uint(wide);
    if (count === undefined) return undefined;
    return b <= 0xdd ? this.#take("array", 1 + wide, 0, count) : this.#take("map", 1 + wide, 0, count * 2);
  }

  /** Passes over what follows the element's head; false where not all of it is there. */
  skip(e: Element): boolean {
    // A count in place of a stack: however deep a tree is, it costs nothing.
    for (let left = e.items; left > 0; left--) {
      const item = this.next();
      if (!item) return false;
      left += item.items;
    }
    return true;
  }

  /** An integer's value, or undefined if it does not fit an int64. */
  int(e: Element): bigint | undefined {
    const head = this.#view.getUint8(e.start);
    switch (head) {
      case 0xcc:
        return BigInt(this.#view.getUint8(e.data));
      case 0xcd:
        return BigInt(this.#view.getUint16(e.data));
      case 0xce:
        return BigInt(this.#view.getUint32(e.data));
      case 0xcf: {
        const u = this.#view.getBigUint64(e.data);
        return u > MAX_INT64 ? undefined : u;
      }
      case 0xd0:
        return BigInt(this.#view.getInt8(e.data));
      case 0xd1:
        return BigInt(this.#view.getInt16(e.data));
      case 0xd2:
        return BigInt(this.#view.getInt32(e.data));
      case 0xd3:
        return this.#view.getBigInt64(e.data);
      default: // fixint
        return BigInt(this.#view.getInt8(e.start));
    }
  }

  text(e: Element): string {
    return utf8.decode(this.bytes.subarray(e.data, e.end));
  }

  raw(e: Element): Uint8Array {
    return this.bytes.subarray(e.start, e.end);
  }

  /** An element whose length stands in `width` bytes behind the first, with `extra` bytes after it. */
  #sized(kind: Kind, width: number, extra: number): Element | undefined {
    const size = this.#uint(width);
    return size === undefined ? undefined : this.#take(kind, 1 + width + extra, size);
  }

  #uint(width: number): number | undefined {
    if (this.rest < 1 + width) return undefined;
    const at = this.#at + 1;
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(kind: Kind, head: number, size: number, items = 0): Element | undefined {
    if (head + size > this.rest) return undefined;
    const start = this.#at;
    this.#at += head + size;
    return { kind, start, data: start + head, end: this.#at, items };
  }
}
