package io.seqd.client;

import java.util.function.LongConsumer;

/**
 * Watches the deadlines of many requests with one timer, since nearly every request is answered
 * long before its own. A timer for each would cost more than the rest of what the client does.
 *
 * <p>When the timer rings, sweep looks at all requests under way, and calls {@link #watch} for
 * those that are not due yet. No deadline is missed: sweep begins after the timer has been
 * forgotten, so a request that it did not see finds no timer, and sets one.
 */
final class Deadlines {
  private final Clock clock;
  private final LongConsumer sweep;
  private volatile Alarm next; // the timer that is set; null: there is none. Written under this

  /** The timer that rings at that point in time. */
  private static final class Alarm {
    final long at;
    Clock.Timer timer;

    Alarm(long at) {
      this.at = at;
    }
  }

  /** sweep is given the time of the clock, by the clock's thread. */
  Deadlines(Clock clock, LongConsumer sweep) {
    this.clock = clock;
    this.sweep = sweep;
  }

  /** Returns the point in time that is so far away. */
  long in(long nanos) {
    return clock.nanoTime() + nanos;
  }

  /** Sees to it that sweep runs when a deadline has come. It may run before that, too. */
  void watch(long deadline) {
    if (isWatched(deadline)) {
      return;
    }
    synchronized (this) {
      if (isWatched(deadline)) {
        return;
      }
      if (next != null) {
        next.timer.cancel(); // its deadline is seen by the sweep that comes before
      }
      Alarm alarm = new Alarm(deadline);
      next = alarm;
      alarm.timer = clock.after(Math.max(deadline - clock.nanoTime(), 0), () -> ring(alarm));
    }
  }

  private boolean isWatched(long deadline) {
    Alarm alarm = next;
    return alarm != null && alarm.at - deadline <= 0;
  }

  private void ring(Alarm alarm) {
    synchronized (this) {
      if (next != alarm) {
        return; // it could not be cancelled any more
      }
      next = null;
    }
    sweep.accept(clock.nanoTime());
  }
}
