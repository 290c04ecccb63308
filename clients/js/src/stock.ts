import type { Clock } from "./clock.js";
import { IdRange } from "./range.js";

// How long a span should last, in ms: long enough to bridge the restart of a worker or a server, and
// no longer, as what a program has in stock when it ends is a gap.
const SPAN_TIME = 1000;
const MAX_SPAN_TIME = 4 * SPAN_TIME;

/** A range in stock, being spent. */
class Span {
  #next: bigint;
  #left: number;

  constructor(ids: IdRange) {
    this.#next = ids.start;
    this.#left = ids.length;
  }

  /** Takes one id. */
  one(): bigint | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return this.#next++;
  }

  /**
   * Takes `n` ids. Where there are fewer, the rest is given up: later calls must not get lower ids
   * than this one is going to.
   */
  take(n: number): IdRange | undefined {
    if (n > this.#left) {
      this.#left = 0;
      return undefined;
    }
    const ids = new IdRange(this.#next, n);
    this.#next += BigInt(n);
    this.#left -= n;
    return ids;
  }
}

const nothing = new IdRange(0n, 0);

/**
 * What a sequence fetches ahead: one span that is being spent, and the next. The next one is asked
 * for when the other begins to be spent, so that there is as long to fetch it as the other lasts.
 */
export class Stock {
  readonly #clock: Clock;
  readonly #max: number; // ids of a span at most
  #size = 0; // ids of the span to ask for
  #wanted = 0; // ids to ask for with the next request; 0: none are wanted
  #since = 0; // when wanted was last set
  #spending = new Span(nothing);
  #next: Span | undefined;

  constructor(clock: Clock, prefetch: number) {
    this.#clock = clock;
    this.#max = Math.floor(prefetch / 2);
  }

  /** Whether the next request should bring ids for the stock. */
  get wants(): boolean {
    return this.#wanted > 0 && !this.#next;
  }

  /** Takes one id from the span that is being spent. */
  one(): bigint | undefined {
    return this.#spending.one();
  }

  /** Takes `n` ids, and begins to spend the next span if that helps. */
  take(n: number): IdRange | undefined {
    for (;;) {
      const ids = this.#spending.take(n);
      if (ids) return ids;
      if (!this.#next) break;
      this.#spending = this.#next;
      this.#next = undefined;
      this.#want();
    }
    if (this.#wanted === 0) this.#want();
    return undefined;
  }

  /** How many ids the request that is sent now should bring for the stock: they are asked for once. */
  order(): number {
    if (!this.wants) return 0;
    const n = this.#wanted;
    this.#wanted = 0;
    return n;
  }

  /** Keeps a range as the next span. */
  put(ids: IdRange): void {
    this.#next ??= new Span(ids); // what is there is lower, and has to be spent first
  }

  /** Gives up all that is there. */
  clear(): void {
    this.#spending = new Span(nothing);
    this.#next = undefined;
    this.#wanted = 0;
  }

  /** Asks for the next span, of a size that follows how long the one before it lasted. */
  #want(): void {
    const now = this.#clock.now();
    const lasted = now - this.#since;
    if (this.#size === 0) {
      this.#size = 1; // a key used once must not burn many ids
    } else if (lasted < SPAN_TIME) {
      this.#size = Math.min(2 * this.#size, this.#max);
    } else if (lasted > MAX_SPAN_TIME) {
      this.#size = Math.max(Math.floor(this.#size / 2), 1);
    }
    this.#wanted = this.#size;
    this.#since = now;
  }
}
