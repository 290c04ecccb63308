import type { Fault } from "./fault.js";

/** How a call ended without ids. */
export interface Failure {
  fault: Fault; // what the last attempt that ran its course came to
  attempts: number; // 0: nothing was sent
  took: number; // ms
  timedOut: boolean; // there would have been another attempt, but no time for it
  wait: number; // ms the next attempt should have waited, where that ended the call; else 0
  gap: boolean; // an attempt may have spent ids
  keyed?: boolean; // under an idempotency key, so that they are not lost
}

/** What a call that failed rejects with. Its class says what happened; `code` says the same. */
export class SeqdError extends Error {
  /** A code of the wire, or NO_WORKERS, TIMEOUT, NOT_CONNECTED, CLOSED. A later worker may send others. */
  readonly code: string;
  /** What the worker, or the last attempt, said. For people. */
  readonly text: string;
  /** How long the worker asked to wait, in milliseconds. 0: it named no time. */
  readonly retryAfter: number;
  /** Requests that were sent. */
  readonly attempts: number;
  /** Whether the call would have tried again if there had been time. */
  readonly timedOut: boolean;
  /**
   * Whether a request may have been served all the same. Its ids are then a gap: nobody gets them, but
   * by another call with the same idempotency key, where the call had one.
   */
  readonly idsMayBeSpent: boolean;
  readonly store: string | undefined;
  readonly key: string | undefined;

  constructor(f: Partial<Failure> & { fault: Fault }, store?: string, key?: string) {
    super(describe(f, store, key));
    this.code = f.fault.code;
    this.text = f.fault.text;
    this.retryAfter = f.fault.retryAfter;
    this.attempts = f.attempts ?? 0;
    this.timedOut = f.timedOut ?? false;
    this.idsMayBeSpent = f.gap ?? false;
    this.store = store;
    this.key = key;
    this.name = new.target.name;
  }
}

/** An argument is malformed or not allowed for this store. Wrong arguments send nothing. */
export class BadRequestError extends SeqdError {}
/** etcd's history went backwards, as after a restored backup; an operator must act. */
export class FencedError extends SeqdError {}
/** The worker's queue was full. */
export class BusyError extends SeqdError {}
/** A fault in seqd, or an answer that makes no sense. */
export class InternalError extends SeqdError {}
/** The worker could not reach etcd, or etcd refused to write. */
export class UnavailableError extends SeqdError {}
/** The request was older than the attempt's timeout when a worker got to it. */
export class ExpiredError extends SeqdError {}
/** The key has no ids left. */
export class ExhaustedError extends SeqdError {}
/** No worker that serves the store listens. The attempt reached nobody. */
export class NoWorkersError extends SeqdError {}
/** No attempt got an answer while there was time, or NATS does not let this user ask. */
export class TimeoutError extends SeqdError {}
/** The NATS connection was down all the time: nothing was sent that could have spent ids. */
export class NotConnectedError extends SeqdError {}
/** The NATS connection or the sequence has been closed. */
export class ClosedError extends SeqdError {}

const classes = new Map<string, typeof SeqdError>([
  ["BAD_REQUEST", BadRequestError],
  ["FENCED", FencedError],
  ["BUSY", BusyError],
  ["INTERNAL", InternalError],
  ["UNAVAILABLE", UnavailableError],
  ["EXPIRED", ExpiredError],
  ["EXHAUSTED", ExhaustedError],
  ["NO_WORKERS", NoWorkersError],
  ["TIMEOUT", TimeoutError],
  ["NOT_CONNECTED", NotConnectedError],
  ["CLOSED", ClosedError],
]);

/** The error for a failure, of the class that its code asks for. */
export function errorOf(f: Partial<Failure> & { fault: Fault }, store?: string, key?: string): SeqdError {
  const Class = classes.get(f.fault.code) ?? SeqdError; // a later version's code has no class here
  return new Class(f, store, key);
}

function describe(f: Partial<Failure> & { fault: Fault }, store?: string, key?: string): string {
  let s = "seqd";
  if (store !== undefined) s += `: store ${quote(store)} key ${quote(key)}`;
  s += `: ${f.fault.code}: ${f.fault.text}`;
  if (f.timedOut) {
    s += `: gave up after ${Math.round(f.took ?? 0)} ms (attempts: ${f.attempts ?? 0}`;
    if (f.wait) s += `, the next one due in ${Math.round(f.wait)} ms`;
    s += ")";
  }
  if (f.gap) {
    const lost = f.keyed ? "; a call with the same idempotency key gets them" : ", which leaves a gap";
    s += `; ids may have been spent${lost}`;
  }
  if (f.fault.try) s += `; ${f.fault.try}`;
  return s;
}

function quote(s: unknown): string {
  return typeof s === "string" ? JSON.stringify(s.length > 80 ? `${s.slice(0, 80)}…` : s) : String(typeof s);
}
