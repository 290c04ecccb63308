package io.seqd.client;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a sequence fetches ahead: one span that is being spent, and the next. The next one is asked
 * for when the other begins to be spent, so that there is as long to fetch it as the other lasts.
 * The sequence's lock guards it.
 */
final class Stock {
  // How long a span should last: long enough to bridge the restart of a worker or a server, and no
  // longer, as what a program has in stock when it ends is a gap.
  private static final long SPAN_TIME = Duration.ofSeconds(1).toNanos();
  private static final long MAX_SPAN_TIME = 4 * SPAN_TIME;

  private final long max; // ids of a span at most
  private long size; // ids of the span to ask for
  private long since; // when wanted was last set
  long wanted; // ids to ask for with the next request; 0: none are wanted
  Span next; // null: not there yet

  Stock(long max) {
    this.max = max;
  }

  /** Asks for the next span, of a size that follows how long the one before it lasted. */
  void want(long now) {
    long lasted = now - since;
    if (size == 0) {
      size = 1; // a key used once must not burn many ids
    } else if (lasted < SPAN_TIME) {
      size = Math.min(2 * size, max);
    } else if (lasted > MAX_SPAN_TIME) {
      size = Math.max(size / 2, 1);
    }
    wanted = size;
    since = now;
  }

  /** Returns how many ids the request that is sent now should bring for the stock. */
  long takeWanted() {
    if (next != null) {
      return 0;
    }
    long w = wanted;
    wanted = 0;
    return w;
  }

  /** A range in stock, of which calls take ids without a lock. */
  static final class Span {
    private final long before; // the id before the first
    private final long n;

    /**
     * Ids taken, and what calls wanted that found too few. It counts from 0, not from an id: past
     * the end it goes on being counted up, which near Long.MAX_VALUE would wrap an id.
     */
    private final AtomicLong taken = new AtomicLong();

    private Span(long before, long n) {
      this.before = before;
      this.n = n;
    }

    static Span empty() {
      return new Span(0, 0);
    }

    static Span of(IdRange ids) {
      return new Span(ids.start() - 1, ids.length());
    }

    /** Takes one id; 0: there is none. */
    long next() {
      long i = taken.incrementAndGet();
      return i <= n ? before + i : 0;
    }

    /**
     * Takes count ids; null: there are fewer. The rest is given up then: later calls must not get
     * lower ids than this one is going to.
     */
    IdRange nextN(long count) {
      long i = taken.addAndGet(count);
      return i <= n ? new IdRange(before + i - count + 1, count) : null;
    }
  }
}
