package io.seqd.client;

import java.util.stream.LongStream;

/**
 * A range of ids without holes: {@code first}, {@code first + 1}, … {@code first + n - 1}.
 *
 * @param first the lowest id, at least 1
 * @param n how many ids, at least 1; the last one is at most {@link Long#MAX_VALUE}
 */
public record IdRange(long first, long n) {
  /**
   * Refuses a range that is empty, not positive or wraps.
   *
   * @param first the lowest id
   * @param n how many ids
   */
  public IdRange {
    if (!holds(first, n)) {
      throw new IllegalArgumentException("no range of ids: first " + first + ", n " + n);
    }
  }

  /** Reports whether there is such a range. */
  static boolean holds(long first, long n) {
    return first >= 1 && n >= 1 && first <= Long.MAX_VALUE - (n - 1);
  }

  /**
   * Returns the highest id.
   *
   * @return {@code first + n - 1}
   */
  public long last() {
    return first + (n - 1);
  }

  /**
   * Returns the ids in order.
   *
   * @return a stream from {@code first} to {@code last()}
   */
  public LongStream stream() {
    return LongStream.rangeClosed(first, last());
  }

  /** Returns {@code count} ids, the first of which is {@code from} ids behind ours. */
  IdRange part(long from, long count) {
    return new IdRange(first + from, count);
  }

  @Override
  public String toString() {
    return n == 1 ? Long.toString(first) : first + ".." + last();
  }
}
