package io.seqd.examples;

import io.seqd.client.IdRange;
import io.seqd.client.SeqdException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Callers who wait together, each for a future of its own: the last one to come makes one request
 * for all of them. It shows what it costs to wake them, without the client.
 */
final class Crowd implements Callers.Work {
  private final int callers;
  private final Callers.Work work;
  private final Supplier<CompletableFuture<IdRange>> request;
  private volatile boolean over; // no caller makes another call
  private List<CompletableFuture<IdRange>> waiting = new ArrayList<>(); // guarded by this

  Crowd(int callers, Callers.Work work, Supplier<CompletableFuture<IdRange>> request) {
    this.callers = callers;
    this.work = work;
    this.request = request;
  }

  CompletableFuture<IdRange> nextAsync() {
    var call = new CompletableFuture<IdRange>();
    List<CompletableFuture<IdRange>> all = null;
    synchronized (this) {
      waiting.add(call);
      if (waiting.size() == callers) {
        all = waiting;
        waiting = new ArrayList<>(callers);
      }
    }
    if (all != null) {
      serve(all);
    }
    return call;
  }

  private void serve(List<CompletableFuture<IdRange>> calls) {
    request
        .get()
        .whenComplete(
            (one, error) -> {
              over = error != null || !work.more(0); // before anybody can ask again
              calls.forEach(call -> call.complete(one));
            });
  }

  @Override
  public boolean more(int calls) {
    return !over;
  }

  @Override
  public void note(long start, IdRange ids, SeqdException error) {
    work.note(start, ids, error);
  }
}
