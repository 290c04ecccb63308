package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One timer watches the deadlines of all requests, and none is missed. */
class DeadlinesTest {
  private final FakeClock clock = new FakeClock();
  private final long begin = clock.nanoTime();
  private final List<Long> underWay = new ArrayList<>(); // deadlines
  private final List<Long> sweeps = new ArrayList<>(); // ms since begin
  private final Deadlines deadlines = new Deadlines(clock, this::sweep);

  /** Does what the inbox does: ends what is due, and watches for the rest. */
  private void sweep(long now) {
    sweeps.add((now - begin) / 1_000_000);
    underWay.removeIf(deadline -> deadline - now <= 0);
    underWay.stream().min(Long::compare).ifPresent(deadlines::watch);
  }

  private void begin(long ms) {
    long deadline = deadlines.in(Duration.ofMillis(ms).toNanos());
    underWay.add(deadline);
    deadlines.watch(deadline);
  }

  private void advance(long ms) {
    clock.advance(Duration.ofMillis(ms));
  }

  @Test
  void everyDeadlineIsSeenWhenItComes() {
    begin(500);
    begin(700);
    begin(500);
    advance(499);
    assertEquals(3, underWay.size());
    advance(1);
    assertEquals(1, underWay.size());
    advance(200);
    assertEquals(List.of(), underWay);
    assertEquals(List.of(500L, 700L), sweeps);
    assertTrue(clock.idle(), "a timer is left");
  }

  @Test
  void anEarlierDeadlineIsNotMissed() {
    begin(500);
    begin(20);
    assertEquals(1, clock.waiting(), "timers");
    advance(20);
    assertEquals(List.of(20L), sweeps);
    assertEquals(1, underWay.size());
    advance(480);
    assertEquals(List.of(), underWay);
    assertEquals(List.of(20L, 500L), sweeps);
    assertTrue(clock.idle(), "a timer is left");
  }

  /** What is answered in time costs no timer: two ring within a second, and find nobody. */
  @Test
  void answeredRequestsSetNoTimers() {
    for (int i = 0; i < 1000; i++) {
      begin(500);
      underWay.clear();
      advance(1);
    }
    assertEquals(List.of(500L, 1000L), sweeps);
    advance(500);
    assertEquals(2, sweeps.size());
    assertTrue(clock.idle(), "a timer is left");
  }

  /** A call that is in a pause when its client is closed ends at once, rather than never. */
  @Test
  void aClosedClockRunsTasksAtOnce() {
    Clock.Machine machine = new Clock.Machine();
    machine.close();
    List<String> ran = new ArrayList<>();
    machine.after(Duration.ofHours(1).toNanos(), () -> ran.add("now"));
    assertEquals(List.of("now"), ran);
  }
}
