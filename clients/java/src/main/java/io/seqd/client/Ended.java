package io.seqd.client;

import java.time.Duration;

/**
 * How a call ended without ids.
 *
 * @param last what the last attempt that ran its course came to; null: there was none
 * @param attempts how many requests were tried
 * @param tookNanos from the call's begin to its end
 * @param nextNanos what the next attempt should have waited, where that ended the call; else 0
 * @param timedOut the call's time is up, or would have been before the next attempt
 * @param gap an attempt may have spent ids
 */
record Ended(
    Failure last, int attempts, long tookNanos, long nextNanos, boolean timedOut, boolean gap) {

  /** Returns the end of a call that no other attempt could help. */
  static Ended atOnce(Failure failure) {
    return new Ended(failure, 0, 0, 0, false, failure.mayHaveSpentIds());
  }

  /** Returns what a caller gets, one for each caller: an exception has one stack trace. */
  SeqdException exception(String where, String hint) {
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
    if (gap) {
      b.append("; ids may have been spent, which leaves a gap");
    }
    if (!hint.isEmpty()) {
      b.append("; ").append(hint);
    }
    Failure f = last == null ? Failure.NO_ANSWER : last;
    var about = new SeqdException.About(b.toString(), f, attempts, timedOut, gap);
    return switch (f.code()) {
      case Failure.BAD_REQUEST -> new SeqdException.BadRequest(about);
      case Failure.FENCED -> new SeqdException.Fenced(about);
      case Failure.BUSY -> new SeqdException.Busy(about);
      case Failure.INTERNAL -> new SeqdException.Internal(about);
      case Failure.UNAVAILABLE -> new SeqdException.Unavailable(about);
      case Failure.EXPIRED -> new SeqdException.Expired(about);
      case Failure.EXHAUSTED -> new SeqdException.Exhausted(about);
      case Failure.NO_WORKERS -> new SeqdException.NoWorkers(about);
      case Failure.TIMEOUT -> new SeqdException.Timeout(about);
      case Failure.NOT_CONNECTED -> new SeqdException.NotConnected(about);
      case Failure.CLOSED -> new SeqdException.Closed(about);
      default -> new SeqdException.UnknownCode(about);
    };
  }

  private static long millis(long nanos) {
    return Duration.ofNanos(nanos).toMillis();
  }
}
