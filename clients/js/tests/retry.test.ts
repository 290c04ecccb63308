import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#seqd/clock.js";
import type { Failure } from "#seqd/errors.js";
import {
  answered,
  connectionClosed,
  connectionLost,
  type Fault,
  noAnswer,
  notConnected,
  noWorkers,
} from "#seqd/fault.js";
import { type Options, withClientOptions } from "#seqd/options.js";
import { IdRange } from "#seqd/range.js";
import { pause, retry } from "#seqd/retry.js";
import { VirtualClock } from "./clock.js";

const ids = new IdRange(1n, 1);

/** A call on a clock of its own. `answer` is told which attempt it is, and when that has to end. */
async function call(
  answer: (attempt: number, end: number, clock: VirtualClock) => Promise<IdRange | Fault>,
  options: Options = {},
  aborted = 0,
) {
  const clock = new VirtualClock();
  const settings = withClientOptions(options);
  const ended = new AbortController();
  if (aborted) clock.after(aborted, () => ended.abort());
  let attempts = 0;
  const asks: number[] = [];
  const outcome = await clock.run(
    retry(settings, clock, settings.timeout, ended.signal, (end) => {
      asks.push(clock.now());
      return answer(++attempts, end, clock);
    }),
  );
  return { outcome, failure: outcome as Failure, took: clock.now(), asks };
}

const always = (f: Fault) => () => Promise.resolve(f);
const silent = async (_: number, end: number, clock: VirtualClock) => {
  await clock.sleep(end - clock.now());
  return noAnswer;
};

test("pauses double from 10 ms to 160 ms, plus up to half", () => {
  for (const [attempts, retryAfter, least] of [
    [1, 0, 10],
    [2, 0, 20],
    [3, 0, 40],
    [5, 0, 160],
    [6, 0, 160],
    [2 ** 30, 0, 160],
    [1, 50, 50],
    [4, 50, 80],
    [1, 86_400_000, 86_400_000],
  ] as const) {
    assert.equal(pause(attempts, retryAfter, 0), least);
    assert.equal(pause(attempts, retryAfter, 1), least * 1.5);
  }
});

test("which outcomes are tried again", async () => {
  for (const [fault, again] of [
    [answered("BAD_REQUEST", ""), false],
    [answered("FENCED", ""), false],
    [answered("BUSY", ""), true],
    [answered("INTERNAL", ""), false],
    [answered("UNAVAILABLE", ""), true],
    [answered("EXPIRED", ""), true],
    [answered("EXHAUSTED", ""), false],
    [answered("OF_A_LATER_VERSION", ""), false],
    [noWorkers, true],
    [noAnswer, true],
    [notConnected, true],
    [connectionClosed("closed", false), false],
  ] as const) {
    const { outcome, failure, asks } = await call(async (attempt) => (attempt > 2 ? ids : fault));
    assert.equal(asks.length, again ? 3 : 1, fault.code);
    if (again) assert.equal(outcome, ids);
    else assert.equal(failure.fault, fault);
  }
});

test("how long a call takes, to the millisecond", async () => {
  const busy = answered("BUSY", "", 3000);
  for (const [name, answer, options, least, most, timedOut] of [
    ["no answer", silent, {}, 2000, 2000, true],
    ["longer", silent, { timeout: 5100, attemptTimeout: 1000 }, 5100, 5100, true],
    ["no workers", always(noWorkers), {}, 1760, 2000, true],
    ["patience", always(noWorkers), { noRespondersPatience: 500 }, 260, 500, false],
    ["no patience", always(noWorkers), { noRespondersPatience: 0 }, 0, 0, false],
    [
      "patience is for no workers",
      always(answered("UNAVAILABLE", "")),
      { noRespondersPatience: 0 },
      1760,
      2000,
      true,
    ],
    ["busy past the deadline", always(busy), {}, 0, 0, true],
    ["final", always(answered("EXHAUSTED", "")), {}, 0, 0, false],
    ["not connected", always(notConnected), {}, 1760, 2000, true],
  ] as const) {
    const { failure, took } = await call(answer, options);
    assert.ok(took >= least && took <= most, `${name}: took ${took}, want ${least} to ${most}`);
    assert.equal(failure.timedOut, timedOut, name);
  }
});

test("no attempt begins at the deadline, and none goes past it", async () => {
  for (let i = 0; i < 100; i++) {
    const { asks } = await call(
      async (attempt, end) => {
        assert.ok(end <= 300);
        return attempt % 2 ? answered("UNAVAILABLE", "") : noWorkers;
      },
      { timeout: 300 },
    );
    assert.ok(asks.every((at) => at < 300) && asks.length > 3, String(asks));
  }
});

test("nothing is sent after the deadline, even if a pause took longer than it should", async () => {
  const { asks, failure } = await call(
    async (_attempt, _end, clock) => {
      clock.late = 1000;
      return answered("UNAVAILABLE", "");
    },
    { timeout: 300 },
  );
  assert.deepEqual(asks, [0]);
  assert.deepEqual([failure.fault.code, failure.timedOut], ["UNAVAILABLE", true]);
});

test("a timer never goes off early", async () => {
  const waits = Array.from({ length: 100 }, async (_, i) => {
    const ms = i / 7;
    const start = performance.now();
    await new Promise<void>((resolve) => systemClock.after(ms, resolve));
    assert.ok(performance.now() - start >= ms, `${performance.now() - start} ms, not ${ms}`);
  });
  await Promise.all(waits);
});

test("every pause lies in its range, and chance has a hand in it", async () => {
  let varied = false;
  const { asks } = await call(async (attempt) => (attempt > 8 ? ids : answered("UNAVAILABLE", "")));
  for (let i = 1; i < asks.length; i++) {
    const waited = (asks[i] ?? 0) - (asks[i - 1] ?? 0);
    const least = pause(i, 0, 0);
    varied ||= waited !== least;
    assert.ok(waited >= least && waited <= least * 1.5, `pause ${i}: ${waited}`);
  }
  assert.ok(varied, "all callers would pause for equally long");
});

test("a worker's wish to wait is granted", async () => {
  const { asks } = await call(async (attempt) => (attempt > 2 ? ids : answered("BUSY", "", 400)));
  for (let i = 1; i < asks.length; i++) assert.ok((asks[i] ?? 0) - (asks[i - 1] ?? 0) >= 400, String(asks));
});

test("the last error is reported, but not one that the deadline made", async () => {
  const last = await call(async (attempt) => answered(attempt === 1 ? "UNAVAILABLE" : "EXHAUSTED", ""));
  assert.equal(last.failure.fault.code, "EXHAUSTED");
  const cut = await call(
    (attempt, end, clock) => (attempt === 1 ? always(noWorkers)() : silent(attempt, end, clock)),
    { timeout: 300 },
  );
  assert.equal(cut.failure.fault, noWorkers);
  assert.deepEqual([cut.failure.attempts, cut.failure.timedOut, cut.failure.gap], [2, true, true]);
});

test("NOT_CONNECTED says that nothing was sent that may have spent ids", async () => {
  const down = await call(async (attempt) => (attempt === 1 ? answered("BUSY", "") : notConnected));
  assert.deepEqual([down.failure.fault, down.failure.gap], [notConnected, false]);
  const lost = await call(async (attempt) => (attempt === 1 ? noAnswer : notConnected));
  assert.deepEqual([lost.failure.fault, lost.failure.gap], [connectionLost, true]);
});

test("the patience with no workers counts anew after an attempt that ended otherwise", async () => {
  const { failure, took } = await call(
    async (_attempt, _end, clock) => {
      const other = clock.now() >= 300 && clock.now() <= 800;
      return other ? answered("UNAVAILABLE", "") : noWorkers;
    },
    { timeout: 60_000, noRespondersPatience: 600 },
  );
  assert.equal(failure.fault, noWorkers);
  assert.ok(took > 1100, `took ${took}`);
});

test("an aborted call ends at once, also out of a pause", async () => {
  const { took } = await call(always(answered("BUSY", "", 1000)), {}, 200);
  assert.equal(took, 200);
});

test("an answer that is there counts, even if the time ran out meanwhile", async () => {
  const { outcome } = await call(
    async (_attempt, end, clock) => {
      await clock.sleep(end - clock.now() + 50);
      return ids;
    },
    { timeout: 400 },
  );
  assert.equal(outcome, ids);
});
