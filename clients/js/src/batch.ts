import { Ending, type Signal } from "./abort.js";
import type { Failure } from "./errors.js";
import type { IdRange } from "./range.js";

/**
 * A batch asked for more ids at once than it could have, though it could have one: its calls are to
 * join others. The id is for the call that came first.
 */
export interface Again {
  readonly again: IdRange;
}

export type Outcome = IdRange | Failure | Again;

/** A call that waits in a batch. It is served or refused once, or leaves. */
export interface Call {
  readonly n: number;
  /** Gives it its ids, the first of which is `start`. */
  serve(start: bigint): void;
  refuse(why: Failure | Again): void;
}

/** The part of a call's time for which a batch gathers at most, where the request before takes that long. */
const GATHER_PART = 16;

/** The calls that share one request, in the order in which they came. */
export class Batch {
  /** When the time of its calls is up. All have the same deadline, so a call's time may be shorter by a part. */
  readonly deadline: number;
  readonly #full: number; // when it has gathered long enough; later calls go to another batch
  #calls: Call[] = [];
  readonly #ended = new Ending();
  #n = 0; // ids the calls want
  sent = false; // nobody joins from now on
  stocks = false; // its request is for the stock, too

  /** `again` is the deadline of the batch that its calls were in before. */
  constructor(now: number, timeout: number, again?: number) {
    this.deadline = again ?? now + timeout;
    this.#full = again === undefined ? now + timeout / GATHER_PART : 0;
  }

  get n(): number {
    return this.#n;
  }

  get size(): number {
    return this.#calls.length;
  }

  /** Ends its request. */
  get signal(): Signal {
    return this.#ended;
  }

  /** Whether a call for `n` ids may join; `again` is the deadline of the batch it was in before. */
  fits(n: number, limit: number, now: number, again?: number): boolean {
    if (this.sent || this.#n > limit - n) return false;
    return again === undefined ? now < this.#full : again === this.deadline;
  }

  join(call: Call): void {
    this.#calls.push(call);
    this.#n += call.n;
  }

  /** Takes out a call that gave up: if it has not been sent, the others do not pay for it. */
  leave(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at < 0) return;
    this.#calls.splice(at, 1);
    this.#n -= call.n;
    if (this.sent && this.size === 0 && !this.stocks) this.end(); // to try again would burn ids for nobody
  }

  end(): void {
    this.#ended.abort();
  }

  /** Gives each call its part of the ids; returns what no call wanted. */
  serve(ids: IdRange): IdRange {
    const n = this.#n;
    let start = ids.start;
    for (const call of this.#drain()) {
      call.serve(start);
      start += call.n === 1 ? 1n : BigInt(call.n);
    }
    return ids.part(n, ids.length - n);
  }

  /** Tells all calls that there are no ids, or that there is one for whoever came first. */
  refuse(why: Failure | Again): void {
    for (const [i, call] of this.#drain().entries()) {
      if ("again" in why && i === 0 && call.n === 1) call.serve(why.again.start);
      else call.refuse(why);
    }
  }

  #drain(): Call[] {
    const calls = this.#calls;
    this.#calls = [];
    this.#n = 0;
    return calls;
  }
}
