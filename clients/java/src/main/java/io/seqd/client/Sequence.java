package io.seqd.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Hands out the ids of one key to many callers, who share requests. Get it from {@link
 * Client#sequence(String, String)}, once for a key, and keep it. It is safe for concurrent use, and
 * its two forms of calls are as {@link Client} tells.
 *
 * <p>A call joins the batch that gathers. As soon as the request before it is answered, the batch
 * is closed, one request is sent for the ids of all its calls, and each gets its part of the range.
 *
 * <p>{@link Mode#STRONG} ids stay strictly in order. A batch is closed before its request is sent,
 * so its ids are drawn after all its calls have begun. The request is for exactly as many ids as
 * the calls want, so nothing is left over for a later call. If a call does not wait for its ids,
 * they are a gap. Only the stock of a sequence that prefetches keeps ids for later calls, and it is
 * for weak ids.
 *
 * <p>Every call has exactly one outcome: ids that no other call gets, or an error. An error of the
 * shared request goes to all calls of its batch.
 */
public final class Sequence implements AutoCloseable {
  /**
   * Bounds the ids of a request that is not one call's wish. It is what a store serves at once
   * unless configured; a store that serves fewer says so, and limit follows.
   */
  static final long MAX_TOGETHER = 100_000;

  /**
   * The part of a call's time for which a batch gathers at most, where the request before it takes
   * that long. All calls of a batch have the same deadline, so a call's time may be shorter by that
   * part.
   */
  static final long GATHER_PART = 16;

  private final Options options;
  private final Clock clock;
  private final Source source;

  private volatile Stock.Span spending; // null: no stock

  // Guarded by lock, under which nothing is sent and nobody is called back.
  private final Object lock = new Object();
  private final ArrayDeque<Batch> waiting = new ArrayDeque<>(); // the last one gathers
  private final Stock stock;
  private Batch sent; // whose request is under way, or null
  private long limit = MAX_TOGETHER; // ids of one request for several calls or for the stock
  private boolean sending; // somebody is going to look at waiting
  private boolean closed;

  Sequence(Source source, Options options, int prefetch, Clock clock) {
    this.source = source;
    this.options = options;
    this.clock = clock;
    this.stock = new Stock(prefetch / 2);
    this.spending = prefetch > 0 ? Stock.Span.empty() : null;
  }

  /**
   * Returns the next id.
   *
   * @return the id
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public long next() throws InterruptedException {
    Stock.Span span = spending;
    long id = span == null ? 0 : span.next();
    return id > 0 ? id : Client.await(share(1, IdRange::start));
  }

  /**
   * Returns the next n ids, a range without holes.
   *
   * @param n how many, at least 1
   * @return the ids
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public IdRange nextN(long n) throws InterruptedException {
    return Client.await(nextNAsync(n));
  }

  /**
   * Asks for the next id.
   *
   * @return the id to be
   */
  public CompletableFuture<Long> nextAsync() {
    Stock.Span span = spending;
    long id = span == null ? 0 : span.next();
    return id > 0 ? CompletableFuture.completedFuture(id) : share(1, IdRange::start);
  }

  /**
   * Asks for the next n ids, a range without holes.
   *
   * @param n how many, at least 1
   * @return the ids to be
   */
  public CompletableFuture<IdRange> nextNAsync(long n) {
    source.checkN(n);
    Stock.Span span = spending;
    IdRange ids = span == null ? null : span.nextN(n);
    return ids != null ? CompletableFuture.completedFuture(ids) : share(n, Function.identity());
  }

  /**
   * Ends the sequence: calls that wait fail with {@link SeqdException.Closed}, and so do later
   * ones. What is left in stock is a gap. It does not wait, and may be called twice. A sequence
   * that is no longer used need not be closed: it holds nothing but memory.
   */
  @Override
  public void close() {
    List<Batch.Call> asked = new ArrayList<>();
    List<Batch.Call> ended = new ArrayList<>();
    synchronized (lock) {
      closed = true;
      if (sent != null) {
        asked.addAll(sent.calls); // the answer will find nobody
      }
      waiting.forEach(batch -> ended.addAll(batch.calls));
      waiting.clear();
      stock.next = null;
      stock.wanted = 0;
      if (spending != null) {
        spending = Stock.Span.empty();
      }
    }
    asked.forEach(call -> call.caller().failed(Ended.atOnce(Failure.CUT_OFF)));
    ended.forEach(call -> call.caller().failed(Ended.atOnce(Failure.SEQUENCE_CLOSED)));
  }

  /** Gets n ids through a request that other calls may share. */
  private <T> CompletableFuture<T> share(long n, Function<IdRange, T> result) {
    var future = new CompletableFuture<T>();
    Caller caller = Caller.of(future, result, source::explain);
    IdRange ids = null;
    boolean refused;
    boolean send;
    synchronized (lock) {
      refused = closed;
      if (!refused) {
        ids = takeLocked(n);
        if (ids == null) {
          joinLocked(new Batch.Call(n, caller));
        }
      }
      boolean work = !waiting.isEmpty() || stock.wanted > 0;
      send = work && !sending;
      sending |= send;
    }
    if (refused) {
      caller.failed(Ended.atOnce(Failure.SEQUENCE_CLOSED));
    } else if (ids != null) {
      caller.ids(ids);
    }
    if (send) {
      sendBatches();
    }
    return future;
  }

  /**
   * Takes n ids from the stock, and begins to spend the next span if that helps. Where there is no
   * stock it sees to it that the next request is for some, too.
   */
  private IdRange takeLocked(long n) {
    if (spending == null) {
      return null;
    }
    IdRange ids = spending.nextN(n);
    while (ids == null && stock.next != null) {
      spending = stock.next;
      stock.next = null;
      stock.want(clock.nanoTime());
      ids = spending.nextN(n);
    }
    if (ids == null && stock.wanted == 0) {
      stock.want(clock.nanoTime());
    }
    return ids;
  }

  /** Adds a call to the batch that gathers. */
  private void joinLocked(Batch.Call call) {
    long now = clock.nanoTime();
    Batch last = waiting.peekLast();
    if (last == null
        || last.full
        || last.n > limit - call.n()
        || now - last.opened > options.timeoutNanos() / GATHER_PART) {
      last = new Batch(now, now + options.timeoutNanos());
      waiting.add(last);
    }
    last.add(call);
  }

  /** Serves one batch after the other until nobody waits and no stock is wanted. */
  private void sendBatches() {
    for (; ; ) {
      Batch batch;
      synchronized (lock) {
        batch = closeBatchLocked();
        sent = batch;
        if (batch == null) {
          sending = false;
          return;
        }
      }
      ask(batch, batch.asked);
      if (batch.over.compareAndSet(false, true)) {
        return; // finish goes on
      }
    }
  }

  /** Takes the batch that is to be sent next, which nobody joins from now on. */
  private Batch closeBatchLocked() {
    Batch batch = null;
    while (batch == null && !waiting.isEmpty()) {
      batch = waiting.poll();
      batch.forgetWhoGaveUp();
      batch = batch.calls.isEmpty() ? null : batch;
    }
    long extra = stock.takeWanted();
    if (batch != null) {
      batch.asked = batch.n + Math.max(Math.min(extra, limit - batch.n), 0);
    } else if (extra > 0) {
      long now = clock.nanoTime();
      batch = new Batch(now, now + options.timeoutNanos());
      batch.asked = Math.min(extra, limit);
    }
    return batch;
  }

  /** Asks for n ids on behalf of a batch: what it wants, or in a probe one. */
  private void ask(Batch batch, long n) {
    Caller caller =
        new Caller() {
          @Override
          public boolean waits() {
            return batch.isWanted();
          }

          @Override
          public void ids(IdRange ids) {
            if (n == batch.asked) {
              finish(batch, ids, null);
            } else {
              splitUp(batch, ids);
            }
          }

          @Override
          public void failed(Ended how) {
            if (n > 1 && n == batch.asked && mayHelpToAskForLess(batch, how.last())) {
              ask(batch, 1);
            } else {
              finish(batch, null, how);
            }
          }
        };
    new Retry(options, clock, source, n, batch.deadline, caller).attempt();
  }

  /**
   * Reports whether a request was refused that was not one call's wish: a store serves so many at
   * once, a key has so many left, and no call must fail because others asked with it. If one id can
   * be had then it was the number.
   */
  private static boolean mayHelpToAskForLess(Batch batch, Failure last) {
    return last != null
        && (last.code().equals(Failure.BAD_REQUEST) || last.code().equals(Failure.EXHAUSTED))
        && (batch.calls.size() > 1 || batch.asked > batch.n);
  }

  /** Lets a batch that asked for too many ids ask again in parts; one id has come. */
  private void splitUp(Batch batch, IdRange one) {
    Batch lucky = new Batch(batch.opened, batch.deadline);
    List<Batch> parts = new ArrayList<>();
    synchronized (lock) {
      limit = Math.max(Math.min(limit, batch.asked / 2), 1);
      for (Batch.Call call : batch.calls) {
        if (call.n() == 1 && lucky.calls.isEmpty() && parts.isEmpty()) {
          lucky.add(call);
          continue;
        }
        Batch last = parts.isEmpty() ? null : parts.get(parts.size() - 1);
        if (last == null || last.n > limit - call.n()) {
          last = new Batch(batch.opened, batch.deadline);
          last.full = true; // the time of its calls began earlier
          parts.add(last);
        }
        last.add(call);
      }
      for (int i = parts.size() - 1; i >= 0 && !closed; i--) {
        waiting.addFirst(parts.get(i));
      }
      batch.calls.clear();
      batch.n = 0;
      batch.asked = 0;
    }
    if (!lucky.calls.isEmpty()) {
      lucky.give(one);
      finish(batch, null, null);
    } else {
      finish(batch, parts.isEmpty() ? one : null, null); // for the stock, if nobody waits
    }
  }

  /**
   * Gives a batch's calls their outcome, and puts what they did not want in stock; then the next
   * batch is sent.
   */
  private void finish(Batch batch, IdRange ids, Ended how) {
    List<Runnable> served = new ArrayList<>();
    synchronized (lock) {
      sent = null;
      if (ids != null && ids.length() > batch.n) {
        putLocked(ids.part(batch.n, ids.length() - batch.n), served);
      }
    }
    if (ids != null) {
      batch.give(ids);
    } else if (how != null) {
      batch.fail(how);
    }
    served.forEach(Runnable::run);
    if (!batch.over.compareAndSet(false, true)) {
      sendBatches();
    } // else it is still being sent: that loop goes on
  }

  /**
   * Puts ids that no call of the batch wanted in stock. Calls that wait for the next request come
   * first: ids are weak here, so they may have been drawn before the call began. Where those want
   * more, ids is given up, for they are going to get greater ones.
   */
  private void putLocked(IdRange ids, List<Runnable> served) {
    if (closed || spending == null) {
      return; // STRONG keeps nothing
    }
    while (!waiting.isEmpty()) {
      Batch first = waiting.peek();
      if (first.n > ids.length()) {
        return;
      }
      waiting.poll();
      IdRange theirs = ids;
      served.add(() -> first.give(theirs));
      if (first.n == ids.length()) {
        return;
      }
      ids = ids.part(first.n, ids.length() - first.n);
    }
    stock.next = Stock.Span.of(ids);
  }
}
