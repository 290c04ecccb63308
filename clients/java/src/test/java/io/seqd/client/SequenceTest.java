package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** How a sequence shares requests and keeps stock, without a server, on a clock of its own. */
class SequenceTest {
  private record Asked(long n, Consumer<Source.Outcome> done) {}

  private final FakeClock clock = new FakeClock();
  private final ArrayDeque<Asked> underWay = new ArrayDeque<>();
  private final List<Long> requests = new ArrayList<>(); // what each was for
  private long drawn; // the counter
  private Options options = Options.defaults().withMode(Mode.STRONG);
  private int prefetch;

  /** Returns a sequence whose requests wait for {@link #answer}. */
  private Sequence sequence() {
    Source source =
        (n, budget, done) -> {
          requests.add(n);
          underWay.add(new Asked(n, done));
        };
    return new Sequence(source, options, prefetch, clock);
  }

  /** Returns a sequence whose requests are answered at once unless refuse names a failure. */
  private Sequence quick(LongFunction<Failure> refuse) {
    Source source =
        (n, budget, done) -> {
          requests.add(n);
          Failure f = refuse.apply(n);
          done.accept(f != null ? Source.Outcome.of(f) : Source.Outcome.of(draw(n)));
        };
    return new Sequence(source, options, prefetch, clock);
  }

  private IdRange draw(long n) {
    drawn += n;
    return new IdRange(drawn - n + 1, n);
  }

  /** Draws ids for the request under way, and delivers them. */
  private void answer() {
    Asked asked = underWay.remove();
    asked.done.accept(Source.Outcome.of(draw(asked.n)));
  }

  private void refuse(Failure failure) {
    underWay.remove().done.accept(Source.Outcome.of(failure));
  }

  private static SeqdException errorOf(CompletableFuture<?> future) {
    assertTrue(future.isCompletedExceptionally(), "the call has not failed");
    var e = assertThrows(CompletionException.class, future::join);
    return assertInstanceOf(SeqdException.class, e.getCause());
  }

  /** While one request is under way, later calls wait and share the next. */
  @Test
  void shares() {
    Sequence s = sequence();
    var first = s.nextAsync();
    var second = s.nextAsync();
    var third = s.nextNAsync(3);
    var fourth = s.nextAsync();
    assertEquals(List.of(1L), requests);
    answer();
    assertEquals(List.of(1L, 5L), requests);
    assertEquals(1, first.join());
    assertFalse(second.isDone());
    answer();
    assertEquals(2, second.join());
    assertEquals(new IdRange(3, 3), third.join());
    assertEquals(6, fourth.join());
    assertTrue(underWay.isEmpty());
  }

  /** A batch is closed before its request is sent: nobody joins one that is under way. */
  @Test
  void nobodyJoinsASentBatch() {
    Sequence s = sequence();
    s.nextAsync();
    var early = s.nextAsync();
    answer(); // early's request leaves
    Asked sent = underWay.remove();
    IdRange ids = draw(sent.n); // before late begins
    var late = s.nextAsync();
    sent.done.accept(Source.Outcome.of(ids));
    assertTrue(early.isDone());
    assertFalse(late.isDone(), "ids that were drawn before the call began");
    answer();
    assertTrue(late.join() > early.join());
  }

  /** STRONG keeps nothing for later calls, not even what a call did not take. */
  @Test
  void keepsNoLeftovers() {
    Sequence s = sequence();
    s.nextAsync();
    var gone = s.nextNAsync(10);
    answer();
    assertTrue(gone.cancel(true));
    answer(); // the ten are a gap
    var next = s.nextAsync();
    assertFalse(next.isDone(), "ids from the past");
    answer();
    assertEquals(12, next.join());
  }

  /** More ids than asked for, which no worker sends, are a gap in STRONG too. */
  @Test
  void keepsNoExtras() {
    Sequence s = sequence();
    var first = s.nextAsync();
    underWay.remove().done.accept(Source.Outcome.of(new IdRange(1, 5)));
    assertEquals(1, first.join());
    assertFalse(s.nextAsync().isDone(), "ids from the past");
  }

  /** Those who gave up before their request was sent burn no id. */
  @Test
  void whoGaveUpIsNotAskedFor() {
    Sequence s = sequence();
    s.nextAsync();
    var gone = s.nextNAsync(10);
    var stays = s.nextNAsync(2);
    gone.cancel(true);
    answer();
    assertEquals(List.of(1L, 2L), requests);
    answer();
    assertEquals(new IdRange(2, 2), stays.join());

    s.nextAsync();
    s.nextAsync().cancel(true);
    answer();
    assertTrue(underWay.isEmpty(), "a request for nobody");
  }

  /** An error is for all calls of the batch, each its own exception; the next batch goes on. */
  @Test
  void errors() {
    Sequence s = sequence();
    s.nextAsync();
    var a = s.nextAsync();
    var b = s.nextAsync();
    answer();
    var c = s.nextAsync();
    refuse(Failure.of(Failure.FENCED, "restored"));
    assertInstanceOf(SeqdException.Fenced.class, errorOf(a));
    assertFalse(errorOf(a) == errorOf(b));
    answer();
    assertEquals(2, c.join());
  }

  @Test
  void triesAgain() {
    Sequence s = sequence();
    var call = s.nextAsync();
    refuse(new Failure(Failure.BUSY, "full", Duration.ofMillis(50)));
    assertTrue(underWay.isEmpty());
    clock.advance(Duration.ofMillis(100));
    answer();
    assertEquals(1, call.join());
  }

  /** Calls that wait for a request before theirs end in time, too. */
  @Test
  void deadline() {
    Sequence s = sequence();
    var first = s.nextAsync();
    clock.advance(Duration.ofMillis(100));
    var second = s.nextAsync();
    clock.advance(Duration.ofMillis(1895));
    refuse(Failure.NO_ANSWER);
    assertInstanceOf(SeqdException.Timeout.class, errorOf(first));
    clock.advance(Duration.ofMillis(104)); // 2 099 ms since the beginning
    refuse(Failure.NO_ANSWER);
    SeqdException e = errorOf(second);
    assertTrue(e instanceof SeqdException.Timeout && e.timedOut(), e.getMessage());
    clock.advance(Duration.ofHours(1));
    assertTrue(underWay.isEmpty());
  }

  /** A batch does not gather so long that a call that joins late would lose much of its time. */
  @Test
  void gathersForATimeOnly() {
    Sequence s = sequence();
    s.nextAsync();
    s.nextAsync();
    clock.advance(Duration.ofMillis(120));
    s.nextAsync();
    clock.advance(Duration.ofMillis(10)); // 2 s / 16 are over
    s.nextAsync();
    answer();
    answer();
    answer();
    assertEquals(List.of(1L, 2L, 1L), requests);
  }

  /** A store that serves fewer ids at once than its callers want together fails nobody. */
  @Test
  void storeServesFewer() {
    Failure tooMany = Failure.of(Failure.BAD_REQUEST, "n must be between 1 and 10");
    LongFunction<Failure> refuse = n -> n > 10 ? tooMany : null;
    List<CompletableFuture<IdRange>> calls = new ArrayList<>();
    Sequence s = sequence();
    s.nextAsync();
    for (int i = 0; i < 50; i++) {
      calls.add(s.nextNAsync(1 + i % 3));
    }
    while (!underWay.isEmpty()) {
      Failure f = refuse.apply(underWay.peek().n);
      if (f != null) {
        refuse(f);
      } else {
        answer();
      }
    }
    long last = 0;
    for (int i = 0; i < calls.size(); i++) {
      IdRange ids = calls.get(i).join();
      assertEquals(1 + i % 3, ids.length());
      assertTrue(ids.start() > last, "call " + i);
      last = ids.last();
    }
    int learnt = requests.size();
    var alone = s.nextNAsync(11);
    refuse(tooMany);
    assertInstanceOf(SeqdException.BadRequest.class, errorOf(alone));
    assertEquals(learnt + 1, requests.size(), "one call's own wish is not probed");
  }

  @Test
  void keyHasFewerLeft() {
    Sequence s = quick(n -> drawn + n > 3 ? Failure.of(Failure.EXHAUSTED, "none left") : null);
    Sequence slow = sequence();
    assertEquals(1, s.nextAsync().join());
    slow.nextAsync();
    var a = slow.nextAsync();
    var b = slow.nextAsync();
    var c = slow.nextAsync();
    answer(); // id 2
    refuse(Failure.of(Failure.EXHAUSTED, "two left"));
    answer(); // the probe: id 3 is for a
    assertEquals(3, a.join());
    refuse(Failure.of(Failure.EXHAUSTED, "none left")); // b or both
    while (!underWay.isEmpty()) {
      refuse(Failure.of(Failure.EXHAUSTED, "none left"));
    }
    assertInstanceOf(SeqdException.Exhausted.class, errorOf(b));
    assertInstanceOf(SeqdException.Exhausted.class, errorOf(c));
  }

  @Test
  void manyBatchesThatFailAtOnceNeedNoStack() {
    options = options.withTimeout(Duration.ofSeconds(2));
    Sequence s = sequence();
    s.nextAsync();
    List<CompletableFuture<IdRange>> calls =
        Stream.generate(() -> s.nextNAsync(Sequence.MAX_TOGETHER)).limit(20_000).toList();
    Asked first = underWay.remove();
    clock.advance(Duration.ofSeconds(3)); // the others end as soon as it is their turn
    first.done.accept(Source.Outcome.of(Failure.NO_ANSWER));
    calls.forEach(call -> assertTrue(errorOf(call).timedOut()));
  }

  @Test
  void close() {
    Sequence s = sequence();
    var sent = s.nextAsync();
    var waits = s.nextAsync();
    s.close();
    s.close();
    for (var call : List.of(sent, waits, s.nextAsync())) {
      SeqdException e = assertInstanceOf(SeqdException.Closed.class, errorOf(call));
      assertEquals(call == sent, e.idsMayBeSpent(), e.getMessage());
    }
    answer();
    assertTrue(underWay.isEmpty());
  }

  // Prefetch.

  private void weak(int prefetch) {
    options = Options.defaults().withMode(Mode.WEAK);
    this.prefetch = prefetch;
  }

  /** Ids come in order, whatever the mixture of calls, and none twice. */
  @Test
  void stockKeepsOrder() {
    weak(100);
    Sequence s = quick(n -> null);
    long last = 0;
    for (int i = 0; i < 5_000; i++) {
      IdRange ids = i % 7 == 0 ? s.nextNAsync(1 + i % 23).join() : null;
      long first = ids == null ? s.nextAsync().join() : ids.start();
      assertTrue(first > last, "after " + last + " came " + first);
      last = ids == null ? first : ids.last();
    }
    assertTrue(requests.size() < 5_000 / 10, () -> requests.size() + " requests");
  }

  /** The next span is fetched while the one before it is being spent, and nobody waits for it. */
  @Test
  void refillsBeforeItRunsOut() throws Exception {
    weak(1000);
    Sequence s = sequence();
    for (int i = 0; i < 3_000; i++) {
      while (!underWay.isEmpty()) {
        answer();
      }
      var call = s.nextAsync();
      while (!underWay.isEmpty()) {
        answer();
      }
      assertTrue(call.isDone());
    }
    while (!underWay.isEmpty()) {
      answer();
    }
    int before = requests.size();
    for (int i = 0; i < 500; i++) {
      assertTrue(s.nextAsync().isDone(), "a call waited with a full stock");
    }
    assertTrue(requests.size() > before, "the stock is not refilled");
    assertTrue(requests.stream().allMatch(n -> n <= 501), () -> "requests: " + requests);
  }

  /** A call that wants more than is left ends the span: later calls must not get lower ids. */
  @Test
  void restOfASpanIsGivenUp() {
    weak(100);
    Sequence s = sequence();
    for (int i = 0; i < 60; i++) {
      s.nextAsync();
      while (!underWay.isEmpty()) {
        answer();
      }
    }
    while (underWay.isEmpty()) {
      s.nextAsync(); // until the next span is asked for: this one has just begun to be spent
    }
    assertTrue(s.nextAsync().isDone());
    var more = s.nextNAsync(1000);
    while (!underWay.isEmpty()) {
      answer();
    }
    long next = s.nextAsync().join();
    assertTrue(next > more.join().last(), "after " + more.join() + " came " + next);
  }

  /** A key used once burns few ids; a hot one's stock stays within its bound. */
  @Test
  void stockFollowsThePace() throws Exception {
    weak(1000);
    Sequence s = quick(n -> null);
    s.nextAsync().join();
    clock.advance(Duration.ofHours(1));
    assertTrue(drawn <= 3, () -> drawn + " ids for one call");
    long handedOut = 1;
    for (int i = 0; i < 100_000; i++, handedOut++) {
      s.next();
    }
    long stock = drawn - handedOut;
    assertTrue(stock >= 250 && stock <= 1000, "stock " + stock);
    for (int i = 0; i < 10_000; i++, handedOut++) {
      clock.advance(Duration.ofSeconds(10));
      s.next();
    }
    assertTrue(drawn - handedOut <= 4, "stock of a cold key " + (drawn - handedOut));
  }

  /** A fault is nobody's business while there is stock, and lasts no longer than its cause. */
  @Test
  void faultsAndStock() throws Exception {
    weak(100);
    boolean[] failing = {false};
    Sequence s = quick(n -> failing[0] ? Failure.of(Failure.FENCED, "restored") : null);
    long handedOut = 0;
    for (; handedOut < 1000; handedOut++) {
      s.next();
    }
    failing[0] = true;
    for (; handedOut < drawn; handedOut++) {
      s.next();
    }
    assertThrows(SeqdException.Fenced.class, s::next);
    failing[0] = false;
    assertTrue(s.next() > 1000);
  }

  /** Calls that wait get what came for the stock, unless they want more. */
  @Test
  void whoWaitsComesFirst() {
    weak(100);
    Sequence s = sequence();
    List<CompletableFuture<Long>> calls =
        LongStream.range(0, 40).mapToObj(i -> s.nextAsync()).toList();
    while (!underWay.isEmpty()) {
      answer();
    }
    long last = 0;
    for (var call : calls) {
      assertTrue(call.join() > last);
      last = call.join();
    }
  }

  @Test
  void closeDropsTheStock() throws Exception {
    weak(100);
    Sequence s = quick(n -> null);
    for (int i = 0; i < 100; i++) {
      s.next();
    }
    s.close();
    assertThrows(SeqdException.Closed.class, s::next);
    assertInstanceOf(SeqdException.Closed.class, errorOf(s.nextNAsync(2)));
  }

  /** A span at the end of all ids does not wrap, however often it is asked in vain. */
  @Test
  void lastSpan() {
    var span = Stock.Span.of(new IdRange(Long.MAX_VALUE - 2, 3));
    assertEquals(Long.MAX_VALUE - 2, span.next());
    assertEquals(new IdRange(Long.MAX_VALUE - 1, 2), span.nextN(2));
    for (int i = 0; i < 1000; i++) {
      assertEquals(0, span.next());
    }
  }
}
