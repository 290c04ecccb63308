package io.seqd.client;

import java.io.Serializable;
import java.time.Duration;

/**
 * What one attempt came to that brought no ids.
 *
 * @param code the worker's, or one of those below
 * @param text for people
 * @param retryAfter how long the worker asked to wait; zero: it named no time
 */
record Failure(String code, String text, Duration retryAfter) implements Serializable {
  static final String BAD_REQUEST = "BAD_REQUEST";
  static final String FENCED = "FENCED";
  static final String BUSY = "BUSY";
  static final String INTERNAL = "INTERNAL";
  static final String UNAVAILABLE = "UNAVAILABLE";
  static final String EXPIRED = "EXPIRED";
  static final String EXHAUSTED = "EXHAUSTED";

  // What no worker says. TIMEOUT and CLOSED leave open what became of a request that was sent.
  static final String NO_WORKERS = "NO_WORKERS";
  static final String TIMEOUT = "TIMEOUT";
  static final String NOT_CONNECTED = "NOT_CONNECTED";
  static final String CLOSED = "CLOSED";

  static final Failure NO_WORKER = of(NO_WORKERS, "no worker of the store serves now");
  static final Failure NO_ANSWER = of(TIMEOUT, "no answer");
  static final Failure STRANGER = of(TIMEOUT, "an answer to another request came back");
  static final Failure NO_CONNECTION = of(NOT_CONNECTED, "not connected to NATS");
  static final Failure LOST = of(TIMEOUT, "the connection to NATS was lost");
  static final Failure CONNECTION_CLOSED = of(CLOSED, "the NATS connection is closed");
  static final Failure CUT_OFF = of(CLOSED, "closed before an answer came");
  static final Failure CLIENT_CLOSED = of(CLOSED, "the client is closed");
  static final Failure SEQUENCE_CLOSED = of(CLOSED, "the sequence is closed");

  static Failure of(String code, String text) {
    return new Failure(code, text, Duration.ZERO);
  }

  /** Returns what to throw for an argument that is wrong; nothing has been sent. */
  static SeqdException badRequest(String format, Object... args) {
    return Ended.atOnce(of(BAD_REQUEST, String.format(format, args))).exception("", "");
  }

  /** Returns the code of a number on the wire, for answers without a readable body. */
  static String codeOf(int number) {
    return switch (number) {
      case 400 -> BAD_REQUEST;
      case 409 -> FENCED;
      case 429 -> BUSY;
      case 503 -> UNAVAILABLE;
      case 504 -> EXPIRED;
      case 507 -> EXHAUSTED;
      default -> INTERNAL;
    };
  }

  /** Reports whether another attempt may succeed without anybody acting. */
  boolean retryable() {
    return switch (code) {
      case BUSY, UNAVAILABLE, EXPIRED, NO_WORKERS, TIMEOUT, NOT_CONNECTED -> true;
      default -> false;
    };
  }

  /** Reports whether the attempt may have spent ids all the same. */
  boolean idsMayBeSpent() {
    return switch (code) {
      case BAD_REQUEST, FENCED, BUSY, EXHAUSTED, NO_WORKERS, NOT_CONNECTED -> false;
      case CLOSED -> this == CUT_OFF;
      default -> true;
    };
  }

  /** Returns the text as people know errors: the code first, where a worker said it. */
  String words() {
    return switch (code) {
      case NO_WORKERS, TIMEOUT, NOT_CONNECTED, CLOSED -> text;
      default -> code + ": " + text;
    };
  }
}
