package io.seqd.client;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Time as the client sees it; tests bring their own. */
interface Clock {
  /** Returns a point in time, to be compared with others of the same clock only. */
  long nanoTime();

  /** Runs task once after a while, on a thread of the clock's; if that is closed, at once. */
  Timer after(long nanos, Runnable task);

  /** A task that waits. */
  interface Timer {
    /** Forgets the task, unless it has begun. */
    void cancel();
  }

  /** The machine's clock. Its one thread ends by itself when nothing has waited for a while. */
  final class Machine implements Clock, AutoCloseable {
    private static final long IDLE_SECONDS = 10;

    private final ScheduledThreadPoolExecutor timers;

    Machine() {
      timers =
          new ScheduledThreadPoolExecutor(
              1,
              task -> {
                Thread t = new Thread(task, "seqd timers");
                t.setDaemon(true);
                return t;
              });
      timers.setRemoveOnCancelPolicy(true); // nearly every timer is cancelled
      timers.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
      timers.allowCoreThreadTimeOut(true);
    }

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public Timer after(long nanos, Runnable task) {
      try {
        var waiting = timers.schedule(task, nanos, TimeUnit.NANOSECONDS);
        return () -> waiting.cancel(false);
      } catch (RejectedExecutionException closed) {
        task.run(); // else a call that pauses would never end
        return () -> {};
      }
    }

    /** Lets what waits have its turn, and ends. */
    @Override
    public void close() {
      timers.shutdown();
    }
  }
}
