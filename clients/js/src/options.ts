import type { ConnectionOptions } from "@nats-io/nats-core";
import { MAX_TIMER_MS } from "./clock.js";
import { errorOf } from "./errors.js";
import { badRequest, type Fault } from "./fault.js";
import { checkToken, ROOT } from "./wire/subject.js";

/**
 * How ids are to be ordered: `weak` ids are unique and increase in trend; `strong` ids are greater
 * than every id that anybody got before the call began; `default` is the store's own choice.
 */
export type Mode = "default" | "weak" | "strong";

/** Settings of a client, or of one call. Times are in milliseconds. */
export interface Options {
  /** How ids are to be ordered. Default: `default`, the store's own choice. */
  mode?: Mode;
  /** Bounds a call as a whole, all its attempts included. Default: 2000. */
  timeout?: number;
  /**
   * Bounds one attempt: a request without an answer is sent again after that long. Default: 500.
   * Below a worker's usual answer time it burns ids and gets none.
   */
  attemptTimeout?: number;
  /**
   * How long to go on asking while NATS answers that no worker listens. Default: the whole timeout,
   * which sits out a worker's restart; 0 does not ask again.
   */
  noRespondersPatience?: number;
  /** First token of the subjects, where the workers have been configured with another. Default: `seq`. */
  root?: string;
}

export interface CallOptions extends Options {
  /** Ends the call at once, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * 1 to 64 bytes of any text. Within the store's window, 10 minutes unless configured, every call with
   * it for the same key of the same store gets the ids of the first one, over all clients and workers.
   * Its attempts have it, too, so that an answer which was lost is fetched rather than left as a gap.
   * Where the call fails all the same, calling again with it is safe. With another `n` or mode it is
   * refused. Default: none.
   */
  idempotencyKey?: string;
}

export interface SequenceOptions extends Options {
  /**
   * Weak ids to keep in stock at most, fetched ahead of the calls. Default: 0, no stock; 1 is too
   * few. What is left when the program ends is a gap. How much is used follows the calls: it
   * starts with one id and grows until the stock lasts for one to two seconds.
   */
  prefetch?: number;
}

/** Options of a call of a sequence, whose others hold for all its calls. */
export interface SequenceCallOptions {
  /** Ends the call at once, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export type Settings = Required<Options>;

/** What a call brings beside its settings. */
export interface Once {
  signal?: AbortSignal | undefined;
  idempotencyKey?: string | undefined;
}

const defaults: Settings = {
  mode: "default",
  timeout: 2000,
  attemptTimeout: 500,
  noRespondersPatience: Number.POSITIVE_INFINITY,
  root: ROOT,
};

const SHARED = ["mode", "timeout", "attemptTimeout", "noRespondersPatience", "root"];
const OF_A_CALL = [...SHARED, "signal", "idempotencyKey"];
const OF_A_SEQUENCE = [...SHARED, "prefetch"];
const OF_A_SEQUENCE_CALL = ["signal"];

/**
 * The settings of one call.
 *
 * @throws TypeError for an option that there is not, or of a wrong type; BadRequestError for a wrong value.
 */
export function withCallOptions(base: Settings, options: CallOptions): Settings {
  checkNames("a call", options, OF_A_CALL);
  signalOf(options);
  return withOptions(base, options);
}

/** The settings of a client. It throws as `withCallOptions` does. */
export function withClientOptions(options: Options): Settings {
  checkNoKey(options);
  checkNames("a client", options, SHARED);
  return withOptions(undefined, options);
}

/** The settings of a sequence. It throws as `withCallOptions` does. */
export function withSequenceOptions(base: Settings, options: SequenceOptions): Settings {
  checkNoKey(options);
  checkNames("a sequence", options, OF_A_SEQUENCE);
  const s = withOptions(base, options);
  const ahead = options.prefetch ?? 0;
  checkType("prefetch", ahead, "number");
  if (!Number.isInteger(ahead) || ahead < 0 || ahead === 1) {
    throw errorOf({ fault: badRequest(`prefetch must be 0 or a whole number from 2, not ${ahead}`) });
  }
  if (ahead === 0) return s;
  if (s.mode === "strong") {
    const text = "prefetch is for weak: ids fetched ahead would break the order that strong promises";
    throw errorOf({ fault: badRequest(text) });
  }
  return { ...s, mode: "weak" };
}

/** The signal of a call of a sequence, whose only option it is. @throws TypeError as `withCallOptions` does. */
export function signalOfShared(options: SequenceCallOptions): AbortSignal | undefined {
  if (options === nothing) return undefined;
  checkNames("a call of a sequence", options, OF_A_SEQUENCE_CALL);
  return signalOf(options);
}

/** No options, told from others without a look into them. */
export const nothing: SequenceCallOptions = Object.freeze({});

function withOptions(base: Settings | undefined, options: Options): Settings {
  const s: Settings = { ...(base ?? defaults) };
  // Not a spread of options: a property that is there but undefined means the default.
  if (options.mode !== undefined) s.mode = options.mode;
  if (options.timeout !== undefined) s.timeout = options.timeout;
  if (options.attemptTimeout !== undefined) s.attemptTimeout = options.attemptTimeout;
  if (options.noRespondersPatience !== undefined) s.noRespondersPatience = options.noRespondersPatience;
  if (options.root !== undefined) s.root = options.root;
  const fault = check(s);
  if (fault) throw errorOf({ fault });
  return s;
}

/** @throws TypeError unless `value` has the type. */
export function checkType(what: string, value: unknown, type: "string" | "number"): void {
  if (typeof value !== type) throw new TypeError(`seqd: ${what} must be a ${type}, not ${kind(value)}`);
}

function checkNames(whose: string, options: object, names: string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`seqd: the options of ${whose} must be an object, not ${kind(options)}`);
  }
  for (const name in options) {
    if (!names.includes(name)) {
      throw new TypeError(`seqd: ${whose} has no option ${JSON.stringify(name)}; it has ${names.join(", ")}`);
    }
  }
}

function signalOf({ signal }: { signal?: AbortSignal | undefined }): AbortSignal | undefined {
  if (signal === undefined || typeof signal?.addEventListener === "function") return signal;
  throw new TypeError(`seqd: signal must be an AbortSignal, not ${kind(signal)}`);
}

/** A client or a sequence that had a key would hand the same ids to all its calls. */
function checkNoKey(options: Options): void {
  if ((options as CallOptions | null)?.idempotencyKey !== undefined) {
    throw errorOf({ fault: badRequest("idempotencyKey is for one call: give it to next, nextN or numbers") });
  }
}

/** What a value is, for an error that says what it should have been. */
export function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function check(s: Settings): Fault | undefined {
  checkType("mode", s.mode, "string");
  for (const name of ["timeout", "attemptTimeout", "noRespondersPatience"] as const)
    checkType(name, s[name], "number");
  checkType("root", s.root, "string");
  if (!["default", "weak", "strong"].includes(s.mode)) {
    return badRequest(`mode must be "weak", "strong" or "default", not ${JSON.stringify(s.mode)}`);
  }
  return (
    checkTime("timeout", s.timeout) ??
    checkTime("attemptTimeout", s.attemptTimeout) ??
    (s.noRespondersPatience >= 0
      ? undefined
      : badRequest(`noRespondersPatience must not be below 0, but is ${s.noRespondersPatience}`)) ??
    checkToken("root", s.root)
  );
}

function checkTime(name: string, ms: number): Fault | undefined {
  if (ms > 0 && ms <= MAX_TIMER_MS) return undefined;
  return badRequest(`${name} must be more than 0 and at most ${MAX_TIMER_MS} milliseconds, not ${ms}`);
}

/**
 * Settings for `connect` that a program which runs for long should have. The NATS client's own
 * defaults close the connection for good after ten attempts to reconnect, or when credentials are
 * refused twice, and take four minutes or more to notice a server that fell silent.
 *
 * Spread it before your own (servers, name, credentials): the later one wins.
 */
export function connectOptions(): ConnectionOptions {
  return {
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true, // credentials are refused for a moment while they are being replaced
    pingInterval: 5000,
    maxPingOut: 2, // a silent server is given up after 15 s
  };
}
