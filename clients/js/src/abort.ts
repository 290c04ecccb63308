/**
 * Calls `f` when the signal is aborted. Returns what forgets it.
 *
 * However many calls wait for a signal, it gets one listener: a program may give the same signal to
 * thousands of calls, and from the eleventh listener on Node warns of a leak.
 */
export function onAbort(signal: AbortSignal | undefined, f: () => void): () => void {
  if (!signal) return () => {};
  let waiting = all.get(signal);
  if (!waiting) {
    const set = new Set<() => void>();
    signal.addEventListener("abort", () => {
      for (const f of [...set]) f();
    });
    all.set(signal, set);
    waiting = set;
  }
  const entry = () => f(); // the same function may be given twice
  waiting.add(entry);
  return () => waiting.delete(entry);
}

const all = new WeakMap<AbortSignal, Set<() => void>>();
