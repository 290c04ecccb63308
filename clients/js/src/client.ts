import type { NatsConnection } from "@nats-io/nats-core";
import { systemClock } from "./clock.js";
import { Inbox } from "./inbox.js";
import {
  type CallOptions,
  kind,
  type Options,
  type SequenceOptions,
  type Settings,
  withCallOptions,
  withClientOptions,
  withSequenceOptions,
} from "./options.js";
import type { IdRange, Numbers } from "./range.js";
import { Sequence } from "./sequence.js";
import { type Line, Target } from "./target.js";

/**
 * Asks for ids over one NATS connection. For one key it guarantees:
 *
 * 1. No id is returned twice, over all clients and for all time.
 * 2. If a call (either mode) returned an id before a strong call began, every id of the strong call
 *    is greater.
 * 3. A call settles at the latest when its signal is aborted or its timeout passes.
 * 4. A call whose arguments are wrong sends nothing.
 *
 * Less formally: ask as often as you like, from as many places as you like; the worst that a fault
 * can do is a gap.
 *
 * Calls try again by themselves where that can help: after BUSY and UNAVAILABLE (no earlier than
 * the worker asks), after EXPIRED, when no worker listens, when an attempt gets no answer and while
 * the connection is down. Between attempts they wait 10 ms, doubling up to 160 ms, plus up to half
 * of it at random. A call that has an idempotency key keeps it over all its attempts: what an attempt
 * spent whose answer was lost is what the next one gets.
 */
export class Client {
  readonly #line: Line;
  readonly #settings: Settings;

  /**
   * A client that asks over `nc`. The connection stays the caller's, who closes it; see
   * `connectOptions` for settings it should have. The client needs no closing, and sends nothing yet.
   *
   * @throws TypeError that names an option which there is not, or one of a wrong type; BadRequestError
   * that names one with a wrong value.
   */
  constructor(nc: NatsConnection, options: Options = {}) {
    if (typeof nc?.publish !== "function") {
      throw new TypeError(`seqd: nc must be a NATS connection, as connect makes it, not ${kind(nc)}`);
    }
    this.#settings = withClientOptions(options);
    const [nonce = 0n] = crypto.getRandomValues(new BigUint64Array(1));
    this.#line = { inbox: Inbox.of(nc), clock: systemClock, nonce };
  }

  /** The next id of `key` in `store`. It is `nextN` for one id. */
  async next(store: string, key: string, options: CallOptions = {}): Promise<bigint> {
    return (await this.nextN(store, key, 1, options)).start;
  }

  /**
   * The next `n` ids of `key` in `store`, a range without holes. A store serves at most its
   * `max_count` at once, 100 000 unless configured.
   *
   * `store` is a name of 1 to 64 of the characters A-Za-z0-9_-. `key` is any text that is not
   * empty: it is escaped for the wire, where it may have 200 bytes. Options given here hold for this
   * call only.
   *
   * Rejects with a `SeqdError`, or with the signal's reason if that is aborted.
   */
  async nextN(store: string, key: string, n: number, options: CallOptions = {}): Promise<IdRange> {
    return this.#target(store, key, options).next(n, options);
  }

  /**
   * The next `n` ids of `key` in `store`, 1 to 1000, with their numbers for people.
   *
   * It is `nextN`, and says more: the period, the numbers as the store's configuration writes them,
   * and whether the answer is a repeat. A key that has no numbers brings none, and is no error.
   */
  async numbers(store: string, key: string, n = 1, options: CallOptions = {}): Promise<Numbers> {
    return this.#target(store, key, options).numbers(n, options);
  }

  /**
   * A handle on `key` in `store` for callers that ask for its ids concurrently or often. The options
   * hold for all its calls. It sends nothing. An idempotency key is none of them: it is for one call,
   * and these share requests.
   *
   * @throws TypeError or BadRequestError that says which argument is wrong.
   */
  sequence(store: string, key: string, options: SequenceOptions = {}): Sequence {
    const settings = withSequenceOptions(this.#settings, options);
    return new Sequence(new Target(this.#line, settings, store, key), options.prefetch ?? 0);
  }

  #target(store: string, key: string, options: CallOptions): Target {
    return new Target(this.#line, withCallOptions(this.#settings, options), store, key);
  }
}
