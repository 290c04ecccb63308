/** How one attempt ended without ids. */
export interface Fault {
  readonly code: string;
  readonly text: string; // for people
  readonly retryAfter: number; // ms the worker asked to wait; 0: it named no time
  readonly again: boolean; // another attempt may succeed
  readonly gap: boolean; // ids may have been spent all the same
  readonly try: string; // what a person might do about it, or empty
}

/** Keeps a hostile wish to wait from overflowing a timer: a day. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

const AGAIN = new Set(["BUSY", "UNAVAILABLE", "EXPIRED"]);
const NOTHING_SPENT = new Set(["BAD_REQUEST", "FENCED", "BUSY", "EXHAUSTED"]);

/** Tells how an attempt ended without ids from what it brought. */
export function isFault(outcome: object): outcome is Fault {
  return "code" in outcome;
}

/** A worker's error reply. */
export function answered(code: string, text: string, retryAfter = 0): Fault {
  return { code, text, retryAfter, again: AGAIN.has(code), gap: !NOTHING_SPENT.has(code), try: "" };
}

export function badRequest(text: string): Fault {
  return answered("BAD_REQUEST", text);
}

export const noWorkers: Fault = {
  code: "NO_WORKERS",
  text: "no worker of the store serves now",
  retryAfter: 0,
  again: true,
  gap: false,
  try:
    "workers that can't serve leave the queue group, and seqd doctor says why; where there is none, " +
    "start a worker that serves this store, under this root in this NATS account",
};

/** An attempt whose time was up. Where the call's time was up with it, the attempt before tells more. */
export const noAnswer: Fault = {
  code: "TIMEOUT",
  text: "no answer",
  retryAfter: 0,
  again: true,
  gap: true,
  try: "check the workers, for example with: nats micro stats seqd",
};

export const stranger: Fault = {
  ...noAnswer,
  text: "answers to another request came back",
  try: "check that no stream and no other service listens on the subject",
};

export const notConnected: Fault = {
  ...noAnswer,
  code: "NOT_CONNECTED",
  text: "not connected to NATS",
  gap: false,
  try: "check that the NATS server runs and can be reached",
};

/** Not NOT_CONNECTED, which says that the connection was down all the time. */
export const connectionLost: Fault = {
  ...noAnswer,
  text: "the connection to NATS was lost",
  try: notConnected.try,
};

/** NATS refuses the request, or to bring its answer: none is going to come, so nobody waits for it. */
export function forbidden(text: string, gap: boolean): Fault {
  return { ...noAnswer, text, again: false, gap, try: "check what this user may publish and subscribe to" };
}

/** The connection or the sequence is closed. `gap`: it was closed while an answer was waited for. */
export function closed(text: string, gap: boolean, hint = ""): Fault {
  return { code: "CLOSED", text, retryAfter: 0, again: false, gap, try: hint };
}

export function connectionClosed(text: string, gap: boolean): Fault {
  return closed(text, gap, "connect again, with connectOptions() to stay connected");
}

/** The signal was aborted. The call rejects with its reason, so that nobody reads this. */
export const aborted: Fault = { ...noAnswer, code: "ABORTED", text: "the call was aborted", again: false };
