/** `n` contiguous ids, `first` to `last`. It never changes. Iterating yields the ids in increasing order. */
export class Range implements Iterable<bigint> {
  readonly first: bigint;
  readonly n: number;

  constructor(first: bigint, n: number) {
    this.first = first;
    this.n = n;
  }

  get last(): bigint {
    return this.first + BigInt(this.n) - 1n;
  }

  /** The `n` ids after the first `at`. */
  part(at: number, n: number): Range {
    return new Range(this.first + BigInt(at), n);
  }

  *[Symbol.iterator](): IterableIterator<bigint> {
    const end = this.first + BigInt(this.n);
    for (let id = this.first; id < end; id++) {
      yield id;
    }
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
