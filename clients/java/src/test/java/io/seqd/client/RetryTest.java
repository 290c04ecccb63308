package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The retry loop, without a server, on a clock of its own. */
class RetryTest {
  private final FakeClock clock = new FakeClock();
  private final long began = clock.nanoTime();
  private final List<Duration> attempts = new ArrayList<>(); // when they were made
  private final List<Duration> budgets = new ArrayList<>();
  private Options options = Options.defaults();

  /** Makes a call whose attempts end as script says, by their number. Null: no answer comes. */
  private CompletableFuture<IdRange> call(Function<Integer, Failure> script) {
    Source source =
        (n, budget, done) -> {
          attempts.add(Duration.ofNanos(clock.nanoTime() - began));
          budgets.add(Duration.ofNanos(budget));
          answer(script, attempts.size(), budget, done);
        };
    return call(source);
  }

  private CompletableFuture<IdRange> call(Source source) {
    var future = new CompletableFuture<IdRange>();
    var caller = Caller.of(future, Function.identity(), how -> how.exception("", ""));
    new Retry(options, clock, source, 1, began + options.timeoutNanos(), caller).attempt();
    return future;
  }

  private void answer(
      Function<Integer, Failure> script, int num, long budget, Consumer<Source.Outcome> done) {
    Failure f = script.apply(num);
    if (f == null) {
      clock.after(budget, () -> done.accept(Source.Outcome.of(Failure.NO_ANSWER)));
    } else if (f == IDS) {
      done.accept(Source.Outcome.of(new IdRange(7, 1)));
    } else {
      done.accept(Source.Outcome.of(f));
    }
  }

  private static final Failure IDS = Failure.of("IDS", "");
  private static final Failure FULL = Failure.of(Failure.BUSY, "full");

  private static SeqdException errorOf(CompletableFuture<?> future) {
    assertTrue(future.isCompletedExceptionally(), "the call has not failed");
    try {
      future.join();
    } catch (CompletionException e) {
      return assertInstanceOf(SeqdException.class, e.getCause());
    }
    throw new AssertionError();
  }

  @ParameterizedTest
  @ValueSource(strings = {"BUSY", "UNAVAILABLE", "EXPIRED", "NO_WORKERS", "TIMEOUT"})
  void triesAgain(String code) {
    var call = call(num -> num <= 2 ? Failure.of(code, "not yet") : IDS);
    clock.advance(Duration.ofSeconds(2));
    assertEquals(7, call.join().start());
    assertEquals(3, attempts.size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"BAD_REQUEST", "FENCED", "EXHAUSTED", "INTERNAL", "CLOSED", "OF_A_LATER_VERSION"})
  void givesUpAtOnce(String code) {
    var call = call(num -> Failure.of(code, "never"));
    SeqdException e = errorOf(call);
    assertEquals(code, e.code());
    assertFalse(e.timedOut());
    clock.advance(Duration.ofSeconds(10));
    assertEquals(1, attempts.size());
  }

  /** Pauses double from 10 ms to 160 ms, plus up to half at random. */
  @Test
  void pauses() {
    long[] base = {10, 20, 40, 80, 160, 160, 160};
    for (int i = 0; i < base.length; i++) {
      long ms = Duration.ofMillis(1).toNanos();
      assertEquals(base[i] * ms, Retry.pause(i + 1, FULL, 0));
      assertEquals(base[i] * ms * 3 / 2, Retry.pause(i + 1, FULL, 1));
    }
    assertEquals(Retry.MAX_PAUSE, Retry.pause(1_000_000, FULL, 0));
    Failure later = new Failure(Failure.BUSY, "", Duration.ofMillis(300));
    assertEquals(Duration.ofMillis(300).toNanos(), Retry.pause(1, later, 0));
    assertEquals(Duration.ofMillis(450).toNanos(), Retry.pause(1, later, 1));
  }

  /** Callers that were turned away together do not come back together. */
  @Test
  void pausesDiffer() {
    List<Duration> second = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      attempts.clear();
      long start = clock.nanoTime();
      Source source =
          (n, budget, done) -> {
            attempts.add(Duration.ofNanos(clock.nanoTime() - start));
            answer(num -> num == 1 ? FULL : IDS, attempts.size(), budget, done);
          };
      var future = new CompletableFuture<IdRange>();
      var caller = Caller.of(future, Function.identity(), how -> how.exception("", ""));
      new Retry(options, clock, source, 1, start + options.timeoutNanos(), caller).attempt();
      clock.advance(Duration.ofSeconds(1));
      second.add(attempts.get(1));
    }
    assertTrue(second.stream().distinct().count() > 10, () -> "pauses: " + second);
    assertTrue(second.stream().allMatch(d -> d.toMillis() >= 10 && d.toMillis() <= 15));
  }

  @Test
  void waitsAsLongAsTold() {
    Failure busy = new Failure(Failure.BUSY, "full", Duration.ofMillis(700));
    var call = call(num -> num == 1 ? busy : IDS);
    clock.advance(Duration.ofMillis(699));
    assertEquals(1, attempts.size());
    clock.advance(Duration.ofMillis(400));
    assertEquals(7, call.join().start());
  }

  /** A wish to wait beyond the deadline ends the call at once. */
  @Test
  void doesNotWaitInVain() {
    Failure busy = new Failure(Failure.BUSY, "full", Duration.ofHours(1));
    SeqdException e = errorOf(call(num -> busy));
    assertInstanceOf(SeqdException.Busy.class, e);
    assertTrue(e.timedOut());
    assertEquals(Duration.ofHours(1), e.retryAfter());
    assertFalse(e.idsMayBeSpent());
    assertTrue(clock.idle());
  }

  /** Nothing is sent after the deadline, and the call ends by then. */
  @Test
  void endsInTime() {
    var call = call(num -> null);
    clock.advance(Duration.ofSeconds(2));
    SeqdException e = errorOf(call);
    assertInstanceOf(SeqdException.Timeout.class, e);
    assertTrue(e.timedOut() && e.idsMayBeSpent());
    assertEquals(attempts.size(), e.attempts());
    clock.advance(Duration.ofHours(1));
    for (int i = 0; i < attempts.size(); i++) {
      Duration end = attempts.get(i).plus(budgets.get(i));
      assertTrue(end.compareTo(Duration.ofSeconds(2)) <= 0, "an attempt ends after the deadline");
      assertTrue(budgets.get(i).compareTo(Duration.ofMillis(500)) <= 0);
    }
    assertTrue(attempts.size() == 4, () -> "attempts: " + attempts);
  }

  /** What a call met before an attempt that was cut short tells more. */
  @Test
  void lastWordIsTheMostTelling() {
    Failure busy = new Failure(Failure.BUSY, "full", Duration.ofMillis(1200));
    options = options.withAttemptTimeout(Duration.ofSeconds(10));
    var call = call(num -> num == 1 ? busy : null);
    clock.advance(Duration.ofSeconds(2));
    SeqdException e = errorOf(call);
    assertInstanceOf(SeqdException.Busy.class, e);
    assertTrue(e.timedOut() && e.idsMayBeSpent() && e.attempts() == 2);
  }

  @Test
  void patienceWithNoResponders() {
    options = options.withNoRespondersPatience(Duration.ZERO);
    SeqdException e = errorOf(call(num -> Failure.NO_WORKER));
    assertInstanceOf(SeqdException.NoWorkers.class, e);
    assertEquals(1, attempts.size());

    options = options.withNoRespondersPatience(Duration.ofMillis(200));
    attempts.clear();
    var call = call(num -> num == 3 ? FULL : Failure.NO_WORKER);
    clock.advance(Duration.ofSeconds(2));
    assertInstanceOf(SeqdException.NoWorkers.class, errorOf(call));
    Duration lastOne = attempts.get(attempts.size() - 1);
    assertTrue(lastOne.toMillis() >= 150, "a worker in between begins the patience anew");
  }

  /** NOT_CONNECTED says that no ids were spent: a call that lost its connection is not that. */
  @ParameterizedTest
  @ValueSource(strings = {"NOT_CONNECTED", "BUSY", "TIMEOUT", "UNAVAILABLE"})
  void losesItsConnection(String code) {
    Failure first = Failure.of(code, "first");
    var call = call(num -> num == 1 ? first : Failure.NO_CONNECTION);
    clock.advance(Duration.ofSeconds(2));
    SeqdException e = errorOf(call);
    assertEquals(first.idsMayBeSpent(), e.idsMayBeSpent());
    assertEquals(first.idsMayBeSpent() ? "TIMEOUT" : "NOT_CONNECTED", e.code());
  }

  @Test
  void nobodyWaits() {
    var call = call(num -> FULL);
    int made = attempts.size();
    assertTrue(call.cancel(true));
    clock.advance(Duration.ofSeconds(2));
    assertEquals(made, attempts.size());
  }
}
