import { onAbort, type Signal } from "./abort.js";
import type { Clock } from "./clock.js";
import type { Failure } from "./errors.js";
import { connectionLost, type Fault, isFault, noAnswer, notConnected } from "./fault.js";
import type { Settings } from "./options.js";

// Pauses between attempts, before the random part, in ms.
const FIRST_PAUSE = 10;
const MAX_PAUSE = 160;

/**
 * Calls `ask` until it brings what it asks for, fails for good, the deadline (on the clock) passes or the signal
 * is aborted. It never rejects.
 *
 * `ask` sends one request. It settles when its own deadline passes or the signal is aborted at the
 * latest, and never rejects either.
 */
export async function retry<T extends object>(
  settings: Settings,
  clock: Clock,
  deadline: number,
  signal: Signal | undefined,
  ask: (attemptEnd: number) => Promise<T | Fault>,
): Promise<T | Failure> {
  const start = clock.now();
  const f = { attempts: 0, gap: false };
  let last: Fault | undefined;
  let noWorkersSince: number | undefined; // undefined: the last attempt met a worker, or nothing
  const ended = (timedOut: boolean, wait = 0): Failure => {
    return { ...f, fault: last ?? nothingSent, took: clock.now() - start, timedOut, wait };
  };

  while (!signal?.aborted && clock.now() < deadline) {
    f.attempts++;
    const outcome = await ask(Math.min(clock.now() + settings.attemptTimeout, deadline));
    if (!isFault(outcome)) return outcome; // if late, too: its ids are spent

    const now = clock.now();
    const over = signal?.aborted || now >= deadline;
    f.gap ||= outcome.gap;
    // An attempt cut short by the call's end tells less than the one before.
    if (!last || !over || outcome !== noAnswer) last = outcome;
    if (last === notConnected && f.gap) last = connectionLost; // down, but not all the time
    if (!outcome.again) return ended(false);
    if (over) break;

    const wait = pause(f.attempts, outcome.retryAfter, clock.random());
    if (outcome.code === "NO_WORKERS") {
      noWorkersSince ??= now;
      if (now + wait - noWorkersSince > settings.noRespondersPatience) return ended(false);
    } else {
      noWorkersSince = undefined;
    }
    // To wait for the deadline and then say so would help nobody.
    if (now + wait >= deadline) return ended(true, wait);
    await sleep(clock, wait, signal);
  }
  return ended(!signal?.aborted);
}

const nothingSent: Fault = { ...noAnswer, text: "nothing was sent", gap: false };

/**
 * How long to wait after the attempt with that number, the first being 1. `r` is a random number
 * below 1: without it, callers that were turned away together would come back together.
 */
export function pause(attempts: number, retryAfter: number, r: number): number {
  const d = Math.max(Math.min(FIRST_PAUSE * 2 ** (attempts - 1), MAX_PAUSE), retryAfter);
  return d + (r * d) / 2;
}

function sleep(clock: Clock, ms: number, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      stop();
      forget();
      resolve();
    };
    const stop = clock.after(ms, wake);
    const forget = onAbort(signal, wake);
  });
}
