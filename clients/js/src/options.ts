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

/** The settings after `options`. @throws BadRequestError that names the setting. */
export function withOptions(base: Settings | undefined, options: Options): Settings {
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

/** The settings of many calls. @throws BadRequestError that names the setting. */
export function withSharedOptions(base: Settings | undefined, options: Options): Settings {
  // A client or a sequence that had a key would hand the same ids to all its calls.
  if ((options as CallOptions).idempotencyKey !== undefined) {
    throw errorOf({ fault: badRequest("idempotencyKey is for one call: give it to next, nextN or numbers") });
  }
  return withOptions(base, options);
}

/** The settings of a sequence. @throws BadRequestError that names the setting. */
export function withSequenceOptions(base: Settings, options: SequenceOptions): Settings {
  const s = withSharedOptions(base, options);
  const ahead = options.prefetch ?? 0;
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

function check(s: Settings): Fault | undefined {
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
  if (typeof ms === "number" && ms > 0 && ms <= MAX_TIMER_MS) return undefined;
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
