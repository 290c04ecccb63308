package io.seqd.client;

import java.time.Duration;

/**
 * How a call ended that brought no ids. The class says what the last attempt came to that was not
 * cut short, {@link #timedOut()} whether the call's time ran out: a call that met nothing but full
 * queues for 2 s is a {@link Busy} that timed out.
 */
@SuppressWarnings("serial") // those of one version of the library read each other's
public abstract sealed class SeqdException extends RuntimeException {
  /** All there is to know, but for the message. */
  private final Ended how;

  private SeqdException(Ended how, String message) {
    super(message);
    this.how = how;
  }

  /**
   * Returns the code a worker answered with, such as {@code BUSY}, or one of {@code NO_WORKERS},
   * {@code TIMEOUT}, {@code NOT_CONNECTED} and {@code CLOSED}.
   *
   * @return the code
   */
  public String code() {
    return how.failure().code();
  }

  /**
   * Returns the worker's own words; {@link #getMessage()} also names the store and the key and says
   * what to try.
   *
   * @return the text, for people
   */
  public String text() {
    return how.failure().text();
  }

  /**
   * Returns how long the worker asked to wait before trying again.
   *
   * @return the time; zero where it named none
   */
  public Duration retryAfter() {
    return how.failure().retryAfter();
  }

  /**
   * Returns how many requests the call tried.
   *
   * @return 0 where the arguments were wrong
   */
  public int attempts() {
    return how.attempts();
  }

  /**
   * Reports whether the call's time ran out, or would have before the next attempt.
   *
   * @return false where another attempt could not help
   */
  public boolean timedOut() {
    return how.timedOut();
  }

  /**
   * Reports whether an attempt may have spent ids. They are a gap then: nobody gets them, but by
   * another call with the same idempotency key, where the call had one.
   *
   * @return false where it is known that none were
   */
  public boolean idsMayBeSpent() {
    return how.idsMayBeSpent();
  }

  /** An argument is malformed, or the store does not allow it. */
  public static final class BadRequest extends SeqdException {
    BadRequest(Ended how, String message) {
      super(how, message);
    }
  }

  /** etcd's history went backwards, as after a restored backup; an operator must act. */
  public static final class Fenced extends SeqdException {
    Fenced(Ended how, String message) {
      super(how, message);
    }
  }

  /** The worker's queue was full. */
  public static final class Busy extends SeqdException {
    Busy(Ended how, String message) {
      super(how, message);
    }
  }

  /** A fault in seqd, or an answer that makes no sense. */
  public static final class Internal extends SeqdException {
    Internal(Ended how, String message) {
      super(how, message);
    }
  }

  /** The worker could not reach etcd, or etcd refused to write. */
  public static final class Unavailable extends SeqdException {
    Unavailable(Ended how, String message) {
      super(how, message);
    }
  }

  /** The request was older than the attempt's timeout when a worker got to it. */
  public static final class Expired extends SeqdException {
    Expired(Ended how, String message) {
      super(how, message);
    }
  }

  /** The key has no ids left. */
  public static final class Exhausted extends SeqdException {
    Exhausted(Ended how, String message) {
      super(how, message);
    }
  }

  /** The worker answered with a code of a later version. */
  public static final class UnknownCode extends SeqdException {
    UnknownCode(Ended how, String message) {
      super(how, message);
    }
  }

  /** No worker that serves the store listens. The last attempt reached nobody. */
  public static final class NoWorkers extends SeqdException {
    NoWorkers(Ended how, String message) {
      super(how, message);
    }
  }

  /** No attempt got an answer in time, or the connection to NATS was lost before one came. */
  public static final class Timeout extends SeqdException {
    Timeout(Ended how, String message) {
      super(how, message);
    }
  }

  /** There was no connection to NATS. No ids have been spent. */
  public static final class NotConnected extends SeqdException {
    NotConnected(Ended how, String message) {
      super(how, message);
    }
  }

  /** The connection, the client or the sequence is closed for good. */
  public static final class Closed extends SeqdException {
    Closed(Ended how, String message) {
      super(how, message);
    }
  }
}
