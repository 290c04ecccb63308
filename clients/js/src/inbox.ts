import {
  createInbox,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from "@nats-io/nats-core";
import { onAbort, type Signal } from "./abort.js";
import type { Clock } from "./clock.js";
import {
  aborted,
  answered,
  connectionClosed,
  connectionLost,
  type Fault,
  forbidden,
  isFault,
  noAnswer,
  notConnected,
  noWorkers,
  stranger,
} from "./fault.js";
import type { Numbers } from "./range.js";
import { decodeReply, ERROR_CODE_HEADER } from "./wire/reply.js";
import { TIMEOUT_HEADER } from "./wire/request.js";

type Outcome = Numbers | Fault;

/** One request as it goes out. */
export interface Outgoing {
  subject: string;
  body: Uint8Array;
  n: number;
  nonce: Uint8Array;
}

/** A reply subject, and the request that waits there. */
interface Slot {
  token: string;
  waiting: { request: Outgoing; strangers: boolean; settle: (outcome: Outcome) => void } | undefined;
}

/**
 * A connection's subscription for answers. The NATS client's own requests take whatever comes first
 * for the answer; here a request waits for the one that carries its nonce.
 *
 * A reply subject is one request's until that has got its answer, and is then used again: so the
 * server finds the way in its cache. A request that gives up takes its subject with it, so that a
 * late answer or "no responders" meets nobody.
 */
export class Inbox {
  readonly #nc: NatsConnection;
  #connected = true;
  #sub: Subscription | undefined;
  #prefix = ""; // of the reply subjects
  #last = 0; // number of the newest reply subject
  #lastPatience: { ms: number; header: MsgHdrs } | undefined;
  readonly #slots = new Map<string, Slot>();
  #free: Slot[] = []; // the one used last is the first to be used again

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
    void this.#watch();
  }

  /** The connection's inbox: one for all its clients, as a subscription lasts as long as it does. */
  static of(nc: NatsConnection): Inbox {
    let inbox = Inbox.#all.get(nc);
    if (!inbox) {
      inbox = new Inbox(nc);
      Inbox.#all.set(nc, inbox);
    }
    return inbox;
  }
  static readonly #all = new WeakMap<NatsConnection, Inbox>();

  /** Sends a request and waits for its answer until the deadline. It never rejects. */
  request(r: Outgoing, clock: Clock, deadline: number, signal: Signal | undefined): Promise<Outcome> {
    const unusable = this.#unusable();
    if (unusable) return Promise.resolve(unusable);
    return new Promise((resolve) => {
      const slot = this.#take();
      const left = deadline - clock.now();
      const settle = (outcome: Outcome) => {
        stop();
        forget();
        slot.waiting = undefined;
        resolve(outcome);
      };
      const giveUp = (outcome: Outcome) => {
        this.#slots.delete(slot.token);
        settle(outcome);
      };
      const stop = clock.after(left, () => giveUp(slot.waiting?.strangers ? stranger : noAnswer));
      const forget = onAbort(signal, () => giveUp(aborted));
      slot.waiting = { request: r, strangers: false, settle };
      try {
        const headers = this.#patience(Math.max(Math.floor(left), 1)); // 0 would be over on arrival
        this.#nc.publish(r.subject, r.body, { reply: this.#prefix + slot.token, headers });
      } catch (e) {
        giveUp(connectionClosed(e instanceof Error ? e.message : String(e), false));
      }
    });
  }

  /** The header that tells a worker the caller's patience. Most requests have the one before's. */
  #patience(ms: number): MsgHdrs {
    if (ms === this.#lastPatience?.ms) return this.#lastPatience.header;
    const header = headers();
    header.set(TIMEOUT_HEADER, String(ms));
    this.#lastPatience = { ms, header };
    return header;
  }

  /** Why nothing can be sent now, if so. */
  #unusable(): Fault | undefined {
    if (this.#nc.isClosed()) return connectionClosed("the NATS connection is closed", false);
    if (this.#nc.isDraining()) return connectionClosed("the NATS connection is draining", false);
    // Sent now, a request would wait in the connection's buffer and burn ids for callers that have
    // long given up.
    return this.#connected && this.#nc.info ? undefined : notConnected;
  }

  #take(): Slot {
    if (!this.#sub) this.#subscribe();
    const used = this.#free.pop();
    if (used) return used;
    const slot: Slot = { token: (++this.#last).toString(36), waiting: undefined };
    this.#slots.set(slot.token, slot);
    return slot;
  }

  #subscribe(): void {
    // A user who may subscribe to an inbox of his own only has told the connection so.
    const { options } = this.#nc as { options?: { inboxPrefix?: string } };
    this.#prefix = `${createInbox(options?.inboxPrefix)}.`;
    const sub = this.#nc.subscribe(`${this.#prefix}*`, {
      callback: (err, msg) => {
        if (!err) return this.#receive(msg);
        this.#sub = undefined; // the server refused it: the next request tries anew
        this.#lose(forbidden(err.message, true));
      },
    });
    this.#sub = sub;
    void sub.closed.then(() => {
      if (this.#sub === sub) this.#sub = undefined;
    });
  }

  #receive(msg: Msg): void {
    const slot = this.#slots.get(msg.subject.slice(this.#prefix.length));
    if (!slot?.waiting) return;
    const { request, settle } = slot.waiting;
    const outcome = msg.data.length === 0 && msg.headers?.code === 503 ? noWorkers : decode(msg, request);
    if (outcome === stranger) {
      slot.waiting.strangers = true; // the right one may still come
      return;
    }
    settle(outcome);
    this.#free.push(slot);
  }

  /** Ends all requests under way, or those of one subject. */
  #lose(why: Fault, subject?: string): void {
    for (const slot of this.#slots.values()) {
      if (subject === undefined || slot.waiting?.request.subject === subject) {
        this.#slots.delete(slot.token);
        slot.waiting?.settle(why);
      }
    }
    this.#free = this.#free.filter((slot) => this.#slots.has(slot.token));
  }

  async #watch(): Promise<void> {
    for await (const s of this.#nc.status()) {
      if (s.type === "disconnect") {
        this.#connected = false;
        this.#lose(connectionLost); // and so are the answers
      } else if (s.type === "reconnect") {
        this.#connected = true;
      } else if (s.type === "error" && s.error.name === "PermissionViolationError") {
        const { operation, subject } = s.error as Error & { operation?: string; subject?: string };
        if (operation === "publish" && subject) this.#lose(forbidden(s.error.message, false), subject);
      }
    }
    this.#lose(connectionClosed("the NATS connection was closed", true));
  }
}

/**
 * What an answer means for a request.
 *
 * One without the request's nonce is a stranger's. It happens: where an account import rewrites
 * reply subjects a late answer may reach another request, and a stream that captures the subject
 * acknowledges it. Taken for ids, a late answer would break the order that strong promises. An error
 * may lack the nonce, for the worker may have been unable to read it.
 */
function decode(msg: Msg, request: Outgoing): Outcome {
  const { outcome, nonce } = decodeReply(msg.headers, msg.data);
  if (nonce ? !equal(nonce, request.nonce) : !msg.headers?.has(ERROR_CODE_HEADER)) return stranger;
  if (isFault(outcome)) return outcome;
  const { length } = outcome.ids;
  if (length !== request.n) {
    return answered("INTERNAL", `the worker answered a request for ${request.n} ids with ${length}`);
  }
  return outcome;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
