package io.seqd.examples;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.seqd.client.IdRange;
import io.seqd.client.SeqdException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Many callers at once, each of which makes its next call when it has the outcome of the one
 * before. A caller is a chain of futures, or a thread that blocks.
 */
interface Callers {
  /** What the callers do. */
  interface Work {
    /** Reports whether the caller makes another call after so many. */
    boolean more(int calls);

    /**
     * Notes what a call came to.
     *
     * @param start when it began, in ns
     * @param ids null: it failed
     * @param error null: it got ids
     */
    void note(long start, IdRange ids, SeqdException error);
  }

  /** Lets so many callers do the work, and waits until all of them are done. */
  void run(int callers, Work work) throws Exception;

  /** Returns callers that are chains of futures: they need no thread of their own. */
  static Callers futures(Supplier<CompletableFuture<IdRange>> call) {
    return (callers, work) -> {
      List<CompletableFuture<?>> all = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        Chain chain = new Chain(call, work);
        all.add(chain.done);
        chain.go();
      }
      CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get();
    };
  }

  /** Returns callers that are threads. */
  static Callers threads(Callable<IdRange> call) {
    return (callers, work) -> {
      Callable<?> caller =
          () -> {
            for (int calls = 0; work.more(calls); calls++) {
              long start = System.nanoTime();
              try {
                work.note(start, call.call(), null);
              } catch (SeqdException e) {
                work.note(start, null, e);
              }
            }
            return null;
          };
      ExecutorService threads = Executors.newFixedThreadPool(callers);
      try {
        for (Future<?> done : threads.invokeAll(Collections.nCopies(callers, caller))) {
          done.get();
        }
      } finally {
        threads.shutdownNow();
      }
    };
  }

  /** A caller that is a chain of futures. One thread at a time goes on with it. */
  final class Chain {
    private final Supplier<CompletableFuture<IdRange>> call;
    private final Work work;
    private int calls;
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    private Chain(Supplier<CompletableFuture<IdRange>> call, Work work) {
      this.call = call;
      this.work = work;
    }

    private void go() {
      try {
        while (work.more(calls)) {
          long start = System.nanoTime();
          var ids = call.get();
          if (!ids.isDone()) {
            ids.whenComplete(
                (got, error) -> {
                  note(start, got, error);
                  go();
                });
            return;
          }
          ids.whenComplete((got, error) -> note(start, got, error));
        }
        done.complete(null);
      } catch (RuntimeException e) {
        done.completeExceptionally(e);
      }
    }

    private void note(long start, IdRange ids, Throwable error) {
      calls++;
      if (error == null || error instanceof SeqdException) {
        work.note(start, ids, (SeqdException) error);
      } else {
        done.completeExceptionally(error);
      }
    }
  }

  /** Notes every call: when it began and ended, and what it got. */
  final class Load implements Work {
    final JsonArray ops = new JsonArray();
    final JsonObject errors = new JsonObject();
    private final int calls;

    Load(int calls) {
      this.calls = calls;
    }

    @Override
    public boolean more(int made) {
      return made < calls;
    }

    @Override
    public void note(long start, IdRange ids, SeqdException error) {
      note(start, System.nanoTime(), ids, error); // CLOCK_MONOTONIC on Linux
    }

    private synchronized void note(long start, long end, IdRange ids, SeqdException error) {
      if (error != null) {
        var before = errors.get(error.code());
        errors.addProperty(error.code(), (before == null ? 0 : before.getAsInt()) + 1);
        return;
      }
      JsonArray op = new JsonArray();
      op.add(start);
      op.add(end);
      op.add(Long.toString(ids.start()));
      op.add(ids.length());
      ops.add(op);
    }
  }

  /** Counts ids for a while. An error lowers the rate, which is what is asked for. */
  final class Rate implements Work {
    private final AtomicLong ids = new AtomicLong();
    private final long start = System.nanoTime();
    private final long nanos;

    Rate(long nanos) {
      this.nanos = nanos;
    }

    @Override
    public boolean more(int calls) {
      return System.nanoTime() - start < nanos;
    }

    @Override
    public void note(long start, IdRange got, SeqdException error) {
      if (got != null) {
        ids.addAndGet(got.length());
      }
    }

    long perSecond() {
      return Math.round(ids.get() / ((System.nanoTime() - start) / 1e9));
    }
  }
}
