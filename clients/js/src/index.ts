/**
 * A client of seqd, which issues unique 64-bit ids over NATS: one sequence for each key of a store. It needs a
 * NATS connection and a seqd worker that serves the store; it never talks to etcd.
 */
export { Client } from "./client.js";
export {
  BadRequestError,
  BusyError,
  ClosedError,
  ExhaustedError,
  ExpiredError,
  FencedError,
  InternalError,
  NotConnectedError,
  NoWorkersError,
  SeqdError,
  TimeoutError,
  UnavailableError,
} from "./errors.js";
export {
  type CallOptions,
  connectOptions,
  type Mode,
  type Options,
  type SequenceCallOptions,
  type SequenceOptions,
} from "./options.js";
export { IdRange, Numbers, toNumber } from "./range.js";
export type { Sequence } from "./sequence.js";
