package io.seqd.client;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Whoever waits for ids. It gets exactly one outcome. */
interface Caller {
  /** Reports whether it still waits: for one that gave up nothing more is sent. */
  boolean waits();

  void ids(IdRange ids);

  void failed(Ended how);

  /**
   * Returns a caller that completes a future.
   *
   * @param result what the future's owner wants of the ids
   * @param explain makes the exception of the future's owner
   */
  static <T> Caller of(
      CompletableFuture<T> future,
      Function<IdRange, T> result,
      Function<Ended, SeqdException> explain) {
    return new Caller() {
      @Override
      public boolean waits() {
        return !future.isDone();
      }

      @Override
      public void ids(IdRange ids) {
        future.complete(result.apply(ids));
      }

      @Override
      public void failed(Ended how) {
        if (waits()) {
          future.completeExceptionally(explain.apply(how));
        }
      }
    };
  }
}
