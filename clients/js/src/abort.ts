/** What ends a call: a caller's signal, or the client's own. */
export type Signal = AbortSignal | Ending;

/**
 * A signal of the client's own, for calls that share a request. An AbortController for each of those
 * would cost more than the request does.
 */
export class Ending {
  aborted = false;
  readonly #waiting = new Set<() => void>();

  /** Ends what waits. It may be called twice. */
  abort(): void {
    this.aborted = true;
    for (const f of [...this.#waiting]) f();
  }

  /** Calls `f` when it is aborted. Returns what forgets it. */
  add(f: () => void): () => void {
    return listen(this.#waiting, f);
  }
}

/**
 * Calls `f` when the signal is aborted. Returns what forgets it.
 *
 * However many calls wait for a signal, it gets one listener: a program may give the same signal to
 * thousands of calls, and from the eleventh listener on Node warns of a leak.
 */
export function onAbort(signal: Signal | undefined, f: () => void): () => void {
  if (!signal) return nobody;
  if (signal instanceof Ending) return signal.add(f);
  let waiting = all.get(signal);
  if (!waiting) {
    const set = new Set<() => void>();
    signal.addEventListener("abort", () => {
      for (const f of [...set]) f();
    });
    all.set(signal, set);
    waiting = set;
  }
  return listen(waiting, f);
}

const all = new WeakMap<AbortSignal, Set<() => void>>();

const nobody = () => {};

function listen(waiting: Set<() => void>, f: () => void): () => void {
  const entry = () => f(); // the same function may be given twice
  waiting.add(entry);
  return () => waiting.delete(entry);
}
