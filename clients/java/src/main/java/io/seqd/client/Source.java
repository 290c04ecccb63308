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
    if (n < 1 || n > Wire.MAX_N) {
      throw badRequest("n must be between 1 and " + Wire.MAX_N + ", not " + n);
    }
  }

  /**
   * What an attempt came to: one of the two is null.
   *
   * @param ids the ids asked for
   * @param failure why there are none
   */
  record Outcome(IdRange ids, Failure failure) {
    static Outcome of(IdRange ids) {
      return new Outcome(ids, null);
    }

    static Outcome of(Failure failure) {
      return new Outcome(null, failure);
    }
  }
}
