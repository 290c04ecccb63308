package io.seqd.client;

import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;

/** Time that passes only when a test says so. Tasks run on the test's thread. */
final class FakeClock implements Clock {
  private record Task(long at, long number, Runnable run) {}

  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::at).thenComparingLong(Task::number));
  private long now = 1_000_000_000_000L;
  private long number;

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public Timer after(long nanos, Runnable run) {
    Task task = new Task(now + nanos, number++, run);
    tasks.add(task);
    return () -> tasks.remove(task);
  }

  /** Lets time pass, and what is due meanwhile happen when it is due. */
  void advance(Duration d) {
    long end = now + d.toNanos();
    while (!tasks.isEmpty() && tasks.peek().at <= end) {
      Task task = tasks.poll();
      now = task.at;
      task.run.run();
    }
    now = end;
  }

  boolean idle() {
    return tasks.isEmpty();
  }

  /** Returns how many tasks wait. */
  int waiting() {
    return tasks.size();
  }
}
