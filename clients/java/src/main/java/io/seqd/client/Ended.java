package io.seqd.client;

import java.io.Serializable;
import java.time.Duration;

/**
 * How a call ended without ids.
 *
 * @param last what the last attempt that ran its course came to; null: there was none
 * @param attempts how many requests were tried
 * @param tookNanos from the call's begin to its end
 * @param nextNanos what the next attempt should have waited, where that ended the call; else 0
 * @param timedOut the call's time is up, or would have been before the next attempt
 * @param idsMayBeSpent an attempt may have spent ids
 */
record Ended(
    Failure last,
    int attempts,
    long tookNanos,
    long nextNanos,
    boolean timedOut,
    boolean idsMayBeSpent)
    implements Serializable {

  /** Returns the end of a call that no other attempt could help. */
  static Ended atOnce(Failure failure) {
    return new Ended(failure, 0, 0, 0, false, failure.idsMayBeSpent());
  }

  /** Returns what to say the call came to: no answer, where nothing was sent in time. */
  Failure failure() {
    return last == null ? Failure.NO_ANSWER : last;
  }

  /** Returns what a caller gets, one for each caller: an exception has one stack trace. */
  SeqdException exception(String where, String hint) {
    return exception(where, hint, false);
  }

  /**
   * Returns what a caller gets.
   *
   * @param keyed whether all attempts had an idempotency key, so that spent ids are not lost
   */
  SeqdException exception(String where, String hint, boolean keyed) {
    StringBuilder b = new StringBuilder(where);
    if (last == null) {
      b.append("nothing was sent: the time is up");
    } else {
      b.append(last.words());
      if (timedOut) {
        b.append(": gave up after ").append(millis(tookNanos)).append(" ms (attempts: ");
        b.append(attempts);
        if (nextNanos > 0) {
          b.append(", the next one due in ").append(millis(nextNanos)).append(" ms");
        }
        b.append(")");
      }
    }
    if (idsMayBeSpent) {
      b.append("; ids may have been spent");
      b.append(keyed ? "; a call with the same idempotency key gets them" : ", which leaves a gap");
    }
    if (!hint.isEmpty()) {
      b.append("; ").append(hint);
    }
    String message = b.toString();
    return switch (failure().code()) {
      case Failure.BAD_REQUEST -> new SeqdException.BadRequest(this, message);
      case Failure.FENCED -> new SeqdException.Fenced(this, message);
      case Failure.BUSY -> new SeqdException.Busy(this, message);
      case Failure.INTERNAL -> new SeqdException.Internal(this, message);
      case Failure.UNAVAILABLE -> new SeqdException.Unavailable(this, message);
      case Failure.EXPIRED -> new SeqdException.Expired(this, message);
      case Failure.EXHAUSTED -> new SeqdException.Exhausted(this, message);
      case Failure.NO_WORKERS -> new SeqdException.NoWorkers(this, message);
      case Failure.TIMEOUT -> new SeqdException.Timeout(this, message);
      case Failure.NOT_CONNECTED -> new SeqdException.NotConnected(this, message);
      case Failure.CLOSED -> new SeqdException.Closed(this, message);
      default -> new SeqdException.UnknownCode(this, message);
    };
  }

  private static long millis(long nanos) {
    return Duration.ofNanos(nanos).toMillis();
  }
}
