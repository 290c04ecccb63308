import type { Signal } from "./abort.js";
import type { Clock } from "./clock.js";
import { errorOf, type Failure, type SeqdError } from "./errors.js";
import { answered, badRequest, type Fault, isFault } from "./fault.js";
import type { Inbox } from "./inbox.js";
import { checkType, type Once, type Settings } from "./options.js";
import { type IdRange, Numbers } from "./range.js";
import { retry } from "./retry.js";
import { checkIdempotencyKey, encodeRequest, intNonce, MAX_N, MAX_NUMBERS } from "./wire/request.js";
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

  /** @throws TypeError or BadRequestError that says which argument is wrong. */
  constructor(line: Line, settings: Settings, store: string, key: string) {
    checkType("store", store, "string");
    checkType("key", key, "string");
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
  async next(n: number, once: Once): Promise<IdRange> {
    this.checkN(n);
    return (await this.#call(once, (end) => this.#ask(n, end, once.signal, once.idempotencyKey))).ids;
  }

  /** Asks for `n` ids and their numbers until it has them or asking again can't help. */
  async numbers(n: number, once: Once): Promise<Numbers> {
    this.checkN(n, MAX_NUMBERS);
    return this.#call(once, async (end) =>
      checkNumbers(n, await this.#ask(n, end, once.signal, once.idempotencyKey)),
    );
  }

  /** Sends one request for ids that several calls may share. */
  async ask(n: number, deadline: number, signal: Signal | undefined): Promise<IdRange | Fault> {
    const outcome = await this.#ask(n, deadline, signal, undefined);
    return isFault(outcome) ? outcome : outcome.ids;
  }

  /** Makes one call. All its attempts have its idempotency key, if there is one. */
  async #call(once: Once, ask: (end: number) => Promise<Numbers | Fault>): Promise<Numbers> {
    const { signal, idempotencyKey } = once;
    const keyed = idempotencyKey !== undefined;
    if (keyed) checkType("idempotencyKey", idempotencyKey, "string");
    const fault = keyed ? checkIdempotencyKey(idempotencyKey) : undefined;
    if (fault) throw this.error({ fault });
    const deadline = this.clock.now() + this.settings.timeout;
    const outcome = await retry(this.settings, this.clock, deadline, signal, ask);
    if (outcome instanceof Numbers) return outcome;
    signal?.throwIfAborted();
    throw this.error({ ...outcome, keyed });
  }

  #ask(
    n: number,
    deadline: number,
    signal: Signal | undefined,
    idempotencyKey: string | undefined,
  ): Promise<Numbers | Fault> {
    const line = this.#line;
    line.nonce = BigInt.asUintN(64, line.nonce + 1n);
    const nonce = intNonce(line.nonce);
    const body = encodeRequest({ n, mode: this.settings.mode, nonce, idempotencyKey });
    return line.inbox.request({ subject: this.#subject, body, n, nonce }, this.clock, deadline, signal);
  }

  /** @throws TypeError or BadRequestError unless a request may ask for `n` ids. */
  checkN(n: number, most = MAX_N): void {
    checkType("n", n, "number");
    if (!Number.isInteger(n) || n < 1 || n > most) {
      throw this.error({ fault: badRequest(`n must be a whole number between 1 and ${most}, not ${n}`) });
    }
  }

  /** The error for a failure, which says for which key it was. */
  error(f: Partial<Failure> & { fault: Fault }): SeqdError {
    return errorOf(f, this.#store, this.#key);
  }
}

/** The outcome, or a fault where it has other than `n` numbers: some id would get another's, or none. */
function checkNumbers(n: number, outcome: Numbers | Fault): Numbers | Fault {
  if (isFault(outcome)) return outcome;
  const { length } = outcome.numbers;
  if (length === 0 || length === n) return outcome;
  return answered("INTERNAL", `the worker answered a request for ${n} ids with ${length} numbers`);
}
