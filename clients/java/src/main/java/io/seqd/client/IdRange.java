package io.seqd.client;

import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.stream.LongStream;

/**
 * Ids without holes: {@code start}, {@code start + 1}, … {@code start + length - 1}. As text it
 * reads {@code 7}, or {@code 7..16} for ten ids.
 *
 * <p>{@code for (long id : ids)} goes through them, and boxes each. {@link #stream()} and {@link
 * #iterator()}'s {@code nextLong} box none.
 *
 * <p>It is not called Range, since Guava, Apache Commons and Spring each have one of that name.
 *
 * @param start the lowest id, at least 1
 * @param length how many ids, at least 1; the last one is at most {@link Long#MAX_VALUE}
 */
public record IdRange(long start, long length) implements Iterable<Long> {
  /**
   * Refuses a range that is empty, not positive or wraps.
   *
   * @param start the lowest id
   * @param length how many ids
   */
  public IdRange {
    if (!holds(start, length)) {
      throw new IllegalArgumentException("no range of ids: start " + start + ", length " + length);
    }
  }

  /** Reports whether there is such a range. */
  static boolean holds(long start, long length) {
    return start >= 1 && length >= 1 && start <= Long.MAX_VALUE - (length - 1);
  }

  /**
   * Returns the highest id.
   *
   * @return {@code start + length - 1}
   */
  public long last() {
    return start + (length - 1);
  }

  /**
   * Returns the ids in order.
   *
   * @return a stream from {@code start} to {@code last()}
   */
  public LongStream stream() {
    return LongStream.rangeClosed(start, last());
  }

  /**
   * Returns the ids in order.
   *
   * @return an iterator from {@code start} to {@code last()}
   */
  @Override
  public PrimitiveIterator.OfLong iterator() {
    return new PrimitiveIterator.OfLong() {
      private long taken;

      @Override
      public boolean hasNext() {
        return taken < length;
      }

      @Override
      public long nextLong() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return start + taken++;
      }
    };
  }

  /** Returns {@code count} ids, the first of which is {@code from} ids behind ours. */
  IdRange part(long from, long count) {
    return new IdRange(start + from, count);
  }

  @Override
  public String toString() {
    return length == 1 ? Long.toString(start) : start + ".." + last();
  }
}
