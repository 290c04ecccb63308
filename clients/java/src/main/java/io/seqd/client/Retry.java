package io.seqd.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One call's attempts, one after the other, until one brings ids, another can't help or the call's
 * time is up. No thread waits: an attempt's answer or a timer goes on.
 *
 * <p>Its fields are used by one thread at a time: whoever ends an attempt begins the next.
 */
final class Retry {
  // Pauses between attempts, before the random part.
  static final long FIRST_PAUSE = Duration.ofMillis(10).toNanos();
  static final long MAX_PAUSE = 16 * FIRST_PAUSE;

  private final Options options;
  private final Clock clock;
  private final Source source;
  private final Caller caller;
  private final long n;
  private final long start;
  private final long deadline;

  private int attempts;
  private Failure last; // of the attempts that ran their course
  private boolean idsMayBeSpent;
  private boolean meetsNobody; // the last attempt found no worker
  private long noWorkersSince; // if meetsNobody

  Retry(Options options, Clock clock, Source source, long n, long deadline, Caller caller) {
    this.options = options;
    this.clock = clock;
    this.source = source;
    this.n = n;
    this.caller = caller;
    this.deadline = deadline;
    this.start = deadline - options.timeoutNanos();
  }

  /** Begins; the caller's outcome may come before it returns. */
  void attempt() {
    long left = deadline - clock.nanoTime();
    if (left <= 0 || !caller.waits()) { // to ask would burn ids for nobody
      end(true, 0);
      return;
    }
    attempts++;
    source.ask(n, Math.min(left, options.attemptTimeoutNanos()), this::answered);
  }

  private void answered(Source.Outcome outcome) {
    if (outcome.numbers() != null) {
      caller.numbers(outcome.numbers());
      return;
    }
    Failure failure = outcome.failure();
    long now = clock.nanoTime();
    idsMayBeSpent |= failure.idsMayBeSpent();
    if (last == null || now < deadline || failure != Failure.NO_ANSWER) {
      last = failure; // an attempt cut short by the call's end tells less than the one before
    }
    if (last == Failure.NO_CONNECTION && idsMayBeSpent) {
      last = Failure.LOST; // down, but not all the time
    }
    if (!failure.retryable()) {
      end(false, 0);
      return;
    }
    if (now >= deadline) {
      end(true, 0);
      return;
    }
    long wait = pause(attempts, failure, ThreadLocalRandom.current().nextDouble());
    boolean nobody = failure.code().equals(Failure.NO_WORKERS);
    if (nobody && !meetsNobody) {
      noWorkersSince = now;
    }
    meetsNobody = nobody;
    if (nobody && now - noWorkersSince + wait > options.patienceNanos()) {
      end(false, 0);
    } else if (wait >= deadline - now) {
      end(true, wait); // to wait for the deadline and then say so would help nobody
    } else {
      clock.after(wait, this::attempt);
    }
  }

  /**
   * Returns how long to wait after an attempt failed, the first being 1.
   *
   * @param random in [0, 1): without it, callers that were turned away together would come back
   *     together
   */
  static long pause(int attempts, Failure failure, double random) {
    long d = Math.min(FIRST_PAUSE << Math.min(attempts - 1, 16), MAX_PAUSE);
    d = Math.max(d, failure.retryAfter().toNanos());
    return d + (long) (random * (d / 2));
  }

  private void end(boolean timedOut, long next) {
    long took = clock.nanoTime() - start;
    caller.failed(new Ended(last, attempts, took, next, timedOut, idsMayBeSpent));
  }
}
