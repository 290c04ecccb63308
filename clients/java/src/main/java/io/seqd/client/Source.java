package io.seqd.client;

import java.util.function.Consumer;

/** Where ids come from, one request at a time: a worker, or in tests something simpler. */
interface Source {
  /**
   * Sends one request.
   *
   * @param n how many ids
   * @param budgetNanos how long to wait for the answer; more than 0
   * @param done is called exactly once, by any thread, perhaps before ask returns
   */
  void ask(long n, long budgetNanos, Consumer<Outcome> done);

  /** Says where a call failed, and what to try. */
  default SeqdException explain(Ended how) {
    return how.exception("", "");
  }

  /** Returns what to throw for an argument that is wrong; nothing has been sent. */
  default SeqdException badRequest(String text) {
    return explain(Ended.atOnce(Failure.of(Failure.BAD_REQUEST, text)));
  }

  /** Refuses an n that no store serves. */
  default void checkN(long n) {
    checkN(n, Wire.MAX_N);
  }

  /** Refuses an n above most, too. */
  default void checkN(long n, long most) {
    if (n < 1 || n > most) {
      throw badRequest("n must be between 1 and " + most + ", not " + n);
    }
  }

  /**
   * What an attempt came to: one of the two is null.
   *
   * @param numbers the ids asked for, and what the worker said of them
   * @param failure why there are none
   */
  record Outcome(Numbers numbers, Failure failure) {
    static Outcome of(IdRange ids) {
      return of(Numbers.of(ids));
    }

    static Outcome of(Numbers numbers) {
      return new Outcome(numbers, null);
    }

    static Outcome of(Failure failure) {
      return new Outcome(null, failure);
    }
  }
}
