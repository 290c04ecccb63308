/** What the client knows of time and chance. Tests put their own in its place. */
export interface Clock {
  /** Milliseconds since some moment, never going back. */
  now(): number;
  /** Calls `f` once `ms` have passed, not earlier. Returns what stops it. */
  after(ms: number, f: () => void): () => void;
  /** Calls `f` when all code that can run by now has run: one turn of the event loop later. */
  soon(f: () => void): void;
  /** A number from 0 to 1, without 1. */
  random(): number;
}

/** The longest time a timer can be set for: above it, it goes off at once. */
export const MAX_TIMER_MS = 2 ** 31 - 2;

// A browser has no setImmediate; it gets by with its slower timers.
const turn = typeof setImmediate === "function" ? setImmediate : (f: () => void) => setTimeout(f, 0);

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, f) {
    // Timers count whole milliseconds from the turn's beginning, and may be up to one early.
    const timer = setTimeout(f, Math.min(Math.ceil(ms) + 1, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  soon: (f) => {
    turn(f);
  },
  random: Math.random,
};
