import type { Clock } from "#seqd/clock.js";

/** A clock that stands still until `run` moves it from timer to timer. Tests of hours take milliseconds. */
export class VirtualClock implements Clock {
  #now = 0;
  #timers: { at: number; f: () => void }[] = [];
  #turns: (() => void)[] = [];
  random: () => number = Math.random;
  late = 0; // ms that timers go off late, as where a program keeps the event loop busy

  now(): number {
    return this.#now;
  }

  after(ms: number, f: () => void): () => void {
    const timer = { at: this.#now + ms + this.late, f };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  soon(f: () => void): void {
    this.#turns.push(f);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Lets all code run that can without time passing. */
  async settle(): Promise<void> {
    do {
      for (const f of this.#turns.splice(0)) f();
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#turns.length > 0);
  }

  /** Runs until `done` settles, and returns what it came to. */
  async run<T>(done: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    done.then(end, end);
    for (;;) {
      await this.settle();
      if (over) return done;
      const next = this.#timers.reduce((a, b) => (b.at < a.at ? b : a), {
        at: Number.POSITIVE_INFINITY,
        f: end,
      });
      if (next.f === end) throw new Error("nothing is left to happen, and it has not settled");
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#now = Math.max(this.#now, next.at);
      next.f();
    }
  }
}
