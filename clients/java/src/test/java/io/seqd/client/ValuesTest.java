package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;

/** What callers hold in their hands: ranges, options and how they print. */
class ValuesTest {
  @Test
  void aRangeIsIteratedToTheLastIdThereIs() {
    var ids = new IdRange(Long.MAX_VALUE - 1, 2).iterator();
    assertEquals(Long.MAX_VALUE - 1, ids.nextLong());
    assertTrue(ids.hasNext());
    assertEquals(Long.MAX_VALUE, ids.nextLong());
    assertFalse(ids.hasNext());
    assertThrows(NoSuchElementException.class, ids::nextLong);
  }

  @Test
  void optionsPrint() {
    assertEquals(
        "Options[root=seq, mode=default, timeout=PT2S, attemptTimeout=PT0.5S]",
        Options.defaults().toString());
    Options all =
        Options.defaults()
            .withRoot("ids")
            .withMode(Mode.STRONG)
            .withTimeout(Duration.ofSeconds(5))
            .withAttemptTimeout(Duration.ofSeconds(1))
            .withNoRespondersPatience(Duration.ZERO)
            .withIdempotencyKey("order-4711");
    assertEquals(
        "Options[root=ids, mode=strong, timeout=PT5S, attemptTimeout=PT1S,"
            + " noRespondersPatience=PT0S, idempotencyKey=order-4711]",
        all.toString());
  }
}
