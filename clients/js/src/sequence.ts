import { onAbort } from "./abort.js";
import { type Again, Batch, type Call, type Outcome } from "./batch.js";
import { ClosedError, type Failure } from "./errors.js";
import { closed } from "./fault.js";
import { nothing, type SequenceCallOptions, signalOfShared } from "./options.js";
import { IdRange } from "./range.js";
import { retry } from "./retry.js";
import { Stock } from "./stock.js";
import type { Target } from "./target.js";

/** What a sequence needs of its target. */
export type Source = Pick<Target, "settings" | "clock" | "ask" | "checkN" | "error">;

/**
 * Bounds the ids of a request that is not one call's wish. It is what a store serves at once unless
 * configured; a store that serves fewer says so, and the limit follows.
 */
const MAX_TOGETHER = 100_000;

/**
 * Hands out the ids of one key to many concurrent callers, which share requests. Create it with
 * `Client.sequence`, once for a key, and keep it. It holds nothing but memory and need not be closed.
 *
 * One call's way: it joins the batch that gathers. As soon as the request before it is answered, and
 * the callers that got their ids have had one turn to come again, the batch is closed, one request
 * goes out for the ids of all its calls, and each gets its own part of the range.
 *
 * Why strong stays strict: a batch is closed before its request is sent, so the ids were drawn after
 * all its calls had begun; and the request is for as many ids as its calls want, so nothing is left
 * over to be kept for a later one. What a call would have got that did not wait for it is a gap. The
 * exception is the stock of `prefetch`, for weak only.
 */
export class Sequence {
  readonly #source: Source;
  readonly #stock: Stock | undefined; // undefined: no prefetch
  #waiting: Batch[] = []; // to be sent; the last one gathers
  #sent: Batch | undefined; // whose request is under way
  #sending = false; // #send runs
  #limit = MAX_TOGETHER; // ids of one request for several calls or for the stock
  #closed = false;

  /** @internal Use `Client.sequence`. */
  constructor(source: Source, prefetch: number) {
    this.#source = source;
    this.#stock = prefetch > 0 ? new Stock(source.clock, prefetch) : undefined;
  }

  /** The next id. It is `nextN` for one id. */
  next(options: SequenceCallOptions = nothing): Promise<bigint> {
    // No async functions here: each of them would put off the caller by a turn of its own.
    return new Promise((resolve, reject) => {
      const signal = signalOfShared(options);
      const id = this.#stock?.one();
      if (id !== undefined) resolve(id);
      else this.#share(new Waiting(1, signal, resolve, reject));
    });
  }

  /**
   * The next `n` ids, a range without holes. Rejects like `Client.nextN`, or with a `ClosedError`.
   * A call whose signal is aborted rejects at once, and the others of its batch go on waiting. Where
   * ids lie in stock it does not look at the signal.
   */
  nextN(n: number, options: SequenceCallOptions = nothing): Promise<IdRange> {
    return new Promise((resolve, reject) => {
      const signal = signalOfShared(options);
      this.#source.checkN(n);
      this.#share(new Waiting(n, signal, (start) => resolve(new IdRange(start, n)), reject));
    });
  }

  /** Yields one id after the other, until the sequence is closed. A failed call throws and ends the loop. */
  async *[Symbol.asyncIterator](): AsyncGenerator<bigint, void, undefined> {
    while (!this.#closed) {
      let id: bigint;
      try {
        id = await this.next();
      } catch (e) {
        if (this.#closed && e instanceof ClosedError) return;
        throw e;
      }
      yield id;
    }
  }

  /**
   * Ends the sequence: calls that wait and later ones reject with a `ClosedError`. What is left in
   * stock is a gap. It may be called twice.
   */
  close(): void {
    this.#closed = true;
    this.#stock?.clear();
    this.#sent?.refuse(closedFailure(true));
    this.#sent?.end();
    for (const b of this.#waiting) b.refuse(closedFailure(false));
    this.#waiting = [];
  }

  /**
   * Serves a call from the stock, or through a request that other calls may share. `again` is the deadline
   * of the batch that it has been in.
   */
  #share(call: Waiting, again?: number): void {
    if (this.#closed) {
      call.reject(this.#source.error(closedFailure(false)));
      return;
    }
    if (this.#stock) {
      const ids = this.#stock.take(call.n);
      if (this.#stock.wants) this.#start();
      if (ids) {
        call.resolve(ids.start);
        return;
      }
    }
    if (call.signal?.aborted) {
      call.reject(call.signal.reason);
      return;
    }
    const batch = this.#gathering(call.n, again);
    call.refuse = (why) => {
      call.forget?.();
      if ("again" in why) this.#share(call, batch.deadline);
      else call.reject(this.#source.error(why));
    };
    if (call.signal) {
      call.forget = onAbort(call.signal, () => {
        call.forget?.();
        batch.leave(call);
        call.reject(call.signal?.reason);
      });
    }
    batch.join(call);
  }

  /** The batch that a call for `n` ids is to join; sees to it that it is sent. */
  #gathering(n: number, again: number | undefined): Batch {
    const now = this.#source.clock.now();
    const last = this.#waiting.at(-1);
    if (last?.fits(n, this.#limit, now, again)) return last;
    const batch = new Batch(now, this.#source.settings.timeout, again);
    this.#waiting.push(batch);
    this.#start();
    return batch;
  }

  #start(): void {
    if (this.#sending) return;
    this.#sending = true;
    void this.#send();
  }

  /** Serves one batch after the other until nobody waits and no stock is wanted. */
  async #send(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => this.#source.clock.soon(resolve));
      const [batch, n] = this.#close();
      if (!batch) return;
      const shared = batch.size > 1 || batch.stocks;
      let outcome: Outcome = await this.#request(batch, n);
      if (shared && n > 1 && refused(outcome)) outcome = await this.#probe(batch, n);
      this.#sent = undefined;
      if (!(outcome instanceof IdRange) && !("again" in outcome && batch.size === 0)) batch.refuse(outcome);
      else this.#keep(batch.serve(outcome instanceof IdRange ? outcome : outcome.again));
    }
  }

  /**
   * Takes the batch that is to be sent next, which nobody joins from now on, and how many ids to ask
   * for. There is none where there is nothing to send.
   */
  #close(): [Batch | undefined, number] {
    let batch = this.#waiting.shift();
    while (batch?.size === 0) batch = this.#waiting.shift(); // all have given up: they burn no id
    let n = batch?.n ?? 0;
    const extra = Math.max(Math.min(this.#stock?.order() ?? 0, this.#limit - n), 0);
    if (!batch && extra > 0) {
      batch = new Batch(this.#source.clock.now(), this.#source.settings.timeout);
    }
    if (batch) {
      batch.sent = true;
      batch.stocks = extra > 0;
    } else {
      this.#sending = false;
    }
    n += extra;
    this.#sent = batch;
    return [batch, n];
  }

  #request(b: Batch, n: number): Promise<IdRange | Failure> {
    const { settings, clock } = this.#source;
    return retry(settings, clock, b.deadline, b.signal, (end) => this.#source.ask(n, end, b.signal));
  }

  /**
   * Finds out why a request for `n` ids was refused which was not one call's wish: a store serves so
   * many at once, a key has so many left, and no call must fail because others asked with it. If one
   * id can be had then it was the number, and the calls try again with fewer.
   */
  async #probe(b: Batch, n: number): Promise<Failure | Again> {
    const outcome = await this.#request(b, 1);
    if (!(outcome instanceof IdRange)) return outcome;
    this.#limit = Math.min(this.#limit, Math.floor(n / 2));
    return { again: outcome };
  }

  /**
   * Keeps ids that no call of the batch wanted. Calls that wait for the next request come first: the
   * ids are weak, so they may have been drawn before the call began. Where those want more, the ids
   * are given up, for the calls are going to get greater ones.
   */
  #keep(ids: IdRange): void {
    if (!this.#stock || this.#closed) return; // strong: kept, they would be too low for whoever comes
    for (let b = this.#waiting[0]; b && ids.length > 0; b = this.#waiting[0]) {
      if (b.n > ids.length) return;
      this.#waiting.shift();
      b.sent = true;
      ids = b.serve(ids);
    }
    if (ids.length > 0) this.#stock.put(ids);
  }
}

/** A call, and how its promise is settled. */
class Waiting implements Call {
  refuse: (why: Failure | Again) => void = () => {};
  forget: (() => void) | undefined; // no longer listens to the signal

  constructor(
    readonly n: number,
    readonly signal: AbortSignal | undefined,
    readonly resolve: (start: bigint) => void,
    readonly reject: (why: unknown) => void,
  ) {}

  serve(start: bigint): void {
    this.forget?.();
    this.resolve(start);
  }
}

function closedFailure(gap: boolean): Failure {
  return {
    fault: closed("the sequence is closed", gap),
    attempts: 0,
    took: 0,
    timedOut: false,
    wait: 0,
    gap,
  };
}

/** Whether a request for fewer ids might not have failed so. */
function refused(outcome: Outcome): boolean {
  return "fault" in outcome && (outcome.fault.code === "BAD_REQUEST" || outcome.fault.code === "EXHAUSTED");
}
