import type { Clock } from "./clock.js";
import { errorOf, type Failure, type SeqdError } from "./errors.js";
import { badRequest, type Fault } from "./fault.js";
import type { Inbox } from "./inbox.js";
import type { Settings } from "./options.js";
import { IdRange } from "./range.js";
import { retry } from "./retry.js";
import { encodeRequest, intNonce, MAX_N } from "./wire/request.js";
import { checkToken, escapeKey, subject } from "./wire/subject.js";

/** What a client has of a connection, shared by all its calls. */
export interface Line {
  readonly inbox: Inbox;
  readonly clock: Clock;
  nonce: bigint; // of the last request
}

/** One key of one store as a client asks for it: names checked, subject built. It is never changed. */
export class Target {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly #line: Line;
  readonly #store: string;
  readonly #key: string; // as the caller wrote it
  readonly #subject: string; // with the key escaped

  /** @throws BadRequestError that says which argument is wrong. */
  constructor(line: Line, settings: Settings, store: string, key: string) {
    const escaped = escapeKey(key);
    const fault = checkToken("store", store) ?? (typeof escaped === "string" ? undefined : escaped);
    if (fault || typeof escaped !== "string") {
      throw errorOf({ fault: fault ?? badRequest("key") }, store, key);
    }
    this.settings = settings;
    this.clock = line.clock;
    this.#line = line;
    this.#store = store;
    this.#key = key;
    this.#subject = subject(settings.root, store, escaped);
  }

  /** Asks for `n` ids until it has them or asking again can't help. */
  async next(n: number, signal: AbortSignal | undefined): Promise<IdRange> {
    this.checkN(n);
    const deadline = this.clock.now() + this.settings.timeout;
    const outcome = await retry(this.settings, this.clock, deadline, signal, (end) =>
      this.ask(n, end, signal),
    );
    if (outcome instanceof IdRange) return outcome;
    signal?.throwIfAborted();
    throw this.error(outcome);
  }

  /** Sends one request. */
  ask(n: number, deadline: number, signal: AbortSignal | undefined): Promise<IdRange | Fault> {
    const line = this.#line;
    line.nonce = BigInt.asUintN(64, line.nonce + 1n);
    const nonce = intNonce(line.nonce);
    const body = encodeRequest({ n, mode: this.settings.mode, nonce });
    return line.inbox.request({ subject: this.#subject, body, n, nonce }, this.clock, deadline, signal);
  }

  /** @throws BadRequestError unless a request may ask for `n` ids. */
  checkN(n: number): void {
    if (!Number.isInteger(n) || n < 1 || n > MAX_N) {
      throw this.error({ fault: badRequest(`n must be a whole number between 1 and ${MAX_N}, not ${n}`) });
    }
  }

  /** The error for a failure, which says for which key it was. */
  error(f: Partial<Failure> & { fault: Fault }): SeqdError {
    return errorOf(f, this.#store, this.#key);
  }
}
