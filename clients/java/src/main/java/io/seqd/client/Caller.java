package io.seqd.client;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Whoever waits for ids. It gets exactly one outcome. */
interface Caller {
  /** Reports whether it still waits: for one that gave up nothing more is sent. */
  boolean waits();

  void ids(IdRange ids);

  /** Gives it the ids with all that the worker said of them, of which most callers want no more. */
  default void numbers(Numbers numbers) {
    ids(numbers.ids());
  }

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
    return of(future, result, numbers -> result.apply(numbers.ids()), explain);
  }

  /** Returns a caller that completes a future with all that the worker said. */
  static Caller ofNumbers(
      CompletableFuture<Numbers> future, Function<Ended, SeqdException> explain) {
    return of(future, Numbers::of, Function.identity(), explain);
  }

  private static <T> Caller of(
      CompletableFuture<T> future,
      Function<IdRange, T> ofIds,
      Function<Numbers, T> ofNumbers,
      Function<Ended, SeqdException> explain) {
    return new Caller() {
      @Override
      public boolean waits() {
        return !future.isDone();
      }

      @Override
      public void ids(IdRange ids) {
        future.complete(ofIds.apply(ids));
      }

      @Override
      public void numbers(Numbers numbers) {
        future.complete(ofNumbers.apply(numbers));
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
