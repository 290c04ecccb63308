package io.seqd.client;

import java.time.Duration;

/**
 * How a call ended that brought no ids. The class says what the last attempt came to that was not
 * cut short, {@link #timedOut()} whether the call's time ran out: a call that met nothing but full
 * queues for 2 s is a {@link Busy} that timed out.
 */
public abstract sealed class SeqdException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What a caller may want to know. */
  record About(String message, Failure failure, int attempts, boolean timedOut, boolean gap) {}

  /** What went wrong, in one word. */
  private final String code;

  /** What went wrong, in the words of whoever said so. */
  private final String text;

  /** How long the worker asked to wait. */
  private final Duration retryAfter;

  /** Requests that the call tried. */
  private final int attempts;

  /** The time ran out. */
  private final boolean timedOut;

  /** Ids may have been spent. */
  private final boolean gap;

  private SeqdException(About about) {
    super(about.message);
    code = about.failure.code();
    text = about.failure.text();
    retryAfter = about.failure.retryAfter();
    attempts = about.attempts;
    timedOut = about.timedOut;
    gap = about.gap;
  }

  /**
   * Returns the code a worker answered with, such as {@code BUSY}, or one of {@code NO_WORKERS},
   * {@code TIMEOUT}, {@code NOT_CONNECTED}, {@code CLOSED}.
   *
   * @return the code
   */
  public String code() {
    return code;
  }

  /**
   * Returns the worker's own words; {@link #getMessage()} also names the store and the key and says
   * what to try.
   *
   * @return the text, for people
   */
  public String text() {
    return text;
  }

  /**
   * Returns how long the worker asked to wait before trying again.
   *
   * @return the time; zero where it named none
   */
  public Duration retryAfter() {
    return retryAfter;
  }

  /**
   * Returns how many requests the call tried.
   *
   * @return 0 where the arguments were wrong
   */
  public int attempts() {
    return attempts;
  }

  /**
   * Reports whether the call's time ran out, or would have before the next attempt.
   *
   * @return false where another attempt could not help
   */
  public boolean timedOut() {
    return timedOut;
  }

  /**
   * Reports whether an attempt may have spent ids. They are a gap then: nobody gets them.
   *
   * @return false where it is known that none were
   */
  public boolean mayHaveSpentIds() {
    return gap;
  }

  /** An argument is malformed, or the store does not allow it. */
  public static final class BadRequest extends SeqdException {
    private static final long serialVersionUID = 1L;

    BadRequest(About about) {
      super(about);
    }
  }

  /** etcd's history went backwards, as after a restored backup; an operator must act. */
  public static final class Fenced extends SeqdException {
    private static final long serialVersionUID = 1L;

    Fenced(About about) {
      super(about);
    }
  }

  /** The worker's queue was full. */
  public static final class Busy extends SeqdException {
    private static final long serialVersionUID = 1L;

    Busy(About about) {
      super(about);
    }
  }

  /** A fault in seqd, or an answer that makes no sense. */
  public static final class Internal extends SeqdException {
    private static final long serialVersionUID = 1L;

    Internal(About about) {
      super(about);
    }
  }

  /** The worker could not reach etcd, or etcd refused to write. */
  public static final class Unavailable extends SeqdException {
    private static final long serialVersionUID = 1L;

    Unavailable(About about) {
      super(about);
    }
  }

  /** The request was older than the attempt's timeout when a worker got to it. */
  public static final class Expired extends SeqdException {
    private static final long serialVersionUID = 1L;

    Expired(About about) {
      super(about);
    }
  }

  /** The key has no ids left. */
  public static final class Exhausted extends SeqdException {
    private static final long serialVersionUID = 1L;

    Exhausted(About about) {
      super(about);
    }
  }

  /** The worker answered with a code of a later version. */
  public static final class UnknownCode extends SeqdException {
    private static final long serialVersionUID = 1L;

    UnknownCode(About about) {
      super(about);
    }
  }

  /** No worker that serves the store listens. The last attempt reached nobody. */
  public static final class NoWorkers extends SeqdException {
    private static final long serialVersionUID = 1L;

    NoWorkers(About about) {
      super(about);
    }
  }

  /** No attempt got an answer in time. */
  public static final class Timeout extends SeqdException {
    private static final long serialVersionUID = 1L;

    Timeout(About about) {
      super(about);
    }
  }

  /** There was no connection to NATS, or it was lost while the request was under way. */
  public static final class NotConnected extends SeqdException {
    private static final long serialVersionUID = 1L;

    NotConnected(About about) {
      super(about);
    }
  }

  /** The connection, the client or the sequence is closed for good. */
  public static final class Closed extends SeqdException {
    private static final long serialVersionUID = 1L;

    Closed(About about) {
      super(about);
    }
  }
}
