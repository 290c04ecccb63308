import type { TestContext } from "node:test";
import { onAbort, type Signal } from "#seqd/abort.js";
import { errorOf } from "#seqd/errors.js";
import { aborted, answered, type Fault, noAnswer } from "#seqd/fault.js";
import { type SequenceOptions, withClientOptions, withSequenceOptions } from "#seqd/options.js";
import { IdRange } from "#seqd/range.js";
import { Sequence } from "#seqd/sequence.js";
import { VirtualClock } from "./clock.js";

/** Stands for the worker of a sequence, without sockets, on a virtual clock. It draws from one counter. */
export class Source {
  readonly clock = new VirtualClock();
  way = 1; // ms of a request, and of an answer
  maxCount = Number.POSITIVE_INFINITY;
  last = 0n;
  end = 2n ** 63n - 1n;
  requests: number[] = []; // n of each
  givenUp = 0;
  refuse: (num: number, n: number) => Fault | undefined = () => undefined;
  silent = false;

  async ask(n: number, deadline: number, signal: Signal | undefined): Promise<IdRange | Fault> {
    this.requests.push(n);
    const num = this.requests.length;
    const cut = (await this.#travel(deadline, signal)) ?? this.refuse(num, n);
    if (cut) return cut;
    const ids = this.draw(n);
    return (await this.#travel(deadline, signal)) ?? ids;
  }

  draw(n: number): IdRange | Fault {
    if (n > this.maxCount) return answered("BAD_REQUEST", "too many");
    if (this.last > this.end - BigInt(n)) return answered("EXHAUSTED", "no ids left");
    const ids = new IdRange(this.last + 1n, n);
    this.last = ids.last;
    return ids;
  }

  sequence(t: TestContext, options: SequenceOptions = {}): Sequence {
    const settings = withSequenceOptions(withClientOptions({}), options);
    const target = {
      settings,
      clock: this.clock,
      ask: this.ask.bind(this),
      checkN: () => undefined,
      error: (f: Parameters<typeof errorOf>[0]) => errorOf(f, "orders", "invoice"),
    };
    const seq = new Sequence(target, options.prefetch ?? 0);
    t.after(() => seq.close());
    return seq;
  }

  /** What cut the way short, if anything did. */
  #travel(deadline: number, signal: Signal | undefined): Promise<Fault | undefined> {
    const left = deadline - this.clock.now();
    return new Promise((resolve) => {
      const timely = this.way <= left && !this.silent;
      const stop = this.clock.after(timely ? this.way : left, () => resolve(timely ? undefined : noAnswer));
      onAbort(signal, () => {
        stop();
        this.givenUp++;
        resolve(aborted);
      });
    });
  }
}

/** A call as somebody saw it who noted the time before and after. */
export interface Op {
  start: number;
  end: number;
  ids: IdRange;
}

/**
 * Throws unless ids are unique, and each op's are greater than those of every op that had ended
 * before it began. Times that are equal count as concurrent.
 */
export function checkOrder(ops: Op[]): void {
  const byId = [...ops].sort((a, b) => (a.ids.start < b.ids.start ? -1 : 1));
  for (const [i, op] of byId.entries()) {
    const before = byId[i - 1];
    if (before && before.ids.last >= op.ids.start) throw new Error(`id ${op.ids.start} was handed out twice`);
  }
  // From the greatest id down: of the ops with greater ids only the one that ended first matters.
  let earliest = Number.POSITIVE_INFINITY;
  for (const op of byId.reverse()) {
    if (earliest < op.start) throw new Error(`id ${op.ids.start} is out of order: asked for at ${op.start}`);
    earliest = Math.min(earliest, op.end);
  }
}
