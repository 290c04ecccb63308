/**
 * `length` contiguous ids, `start` to `last`. It never changes. Iterating yields the ids in increasing
 * order, and as text it reads `7`, or `7..16` for ten ids.
 *
 * It is not called Range, as browsers have one of their own.
 */
export class IdRange implements Iterable<bigint> {
  readonly start: bigint;
  readonly length: number;

  constructor(start: bigint, length: number) {
    this.start = start;
    this.length = length;
  }

  /** The greatest id. */
  get last(): bigint {
    return this.start + BigInt(this.length) - 1n;
  }

  /** The `length` ids after the first `at`. */
  part(at: number, length: number): IdRange {
    return new IdRange(this.start + BigInt(at), length);
  }

  *[Symbol.iterator](): IterableIterator<bigint> {
    const end = this.start + BigInt(this.length);
    for (let id = this.start; id < end; id++) {
      yield id;
    }
  }

  toString(): string {
    if (this.length === 0) return "none";
    return this.length === 1 ? `${this.start}` : `${this.start}..${this.last}`;
  }
}

/**
 * Ids without holes, and how people are to read them.
 *
 * Whether a key has numbers, and what they look like, is its store's configuration. Where it has
 * none, `numbers` is empty and `period` is "". As text it reads as the numbers do, with a space
 * between two, and as the ids where there are none.
 */
export class Numbers {
  /** The ids, which count within the period. */
  readonly ids: IdRange;
  /** The period that the ids count in, such as "2026-11"; "" where the key counts in none. */
  readonly period: string;
  /** The numbers as they are to be printed, one for each id, in the order of the ids. */
  readonly numbers: readonly string[];
  /**
   * Whether the answer is a repeat: a request with the same idempotency key had got it before, in an
   * earlier call or in an attempt of this one that heard nothing.
   */
  readonly replayed: boolean;

  constructor(ids: IdRange, period = "", numbers: readonly string[] = [], replayed = false) {
    this.ids = ids;
    this.period = period;
    this.numbers = numbers;
    this.replayed = replayed;
  }

  toString(): string {
    return this.numbers.length > 0 ? this.numbers.join(" ") : String(this.ids);
  }
}

/**
 * The id as a number.
 *
 * @throws RangeError for an id above 2^53-1, which a number can't hold exactly: two ids would become one.
 */
export function toNumber(id: bigint): number {
  if (id > BigInt(Number.MAX_SAFE_INTEGER) || id < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw new RangeError(`id ${id} is not exact as a number: keep it a bigint, or write it as a string`);
  }
  return Number(id);
}
