package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many threads on one sequence, over a real nats-server: order and uniqueness. */
@Timeout(60)
class SequenceServerTest {
  /** One call that got ids: they were asked for after start and were there at end. */
  record Op(long start, long end, IdRange ids) {}

  private static final Options PATIENT = Options.defaults().withTimeout(Duration.ofSeconds(20));

  private NatsServer server;
  private Client client;

  @BeforeEach
  void connect() throws Exception {
    server = new NatsServer();
    client = new Client(server.connect(), PATIENT);
  }

  @AfterEach
  void disconnect() throws Exception {
    client.close();
    server.close();
  }

  private static List<Op> run(int callers, int calls, Callable<IdRange> call) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(callers);
    try {
      List<Future<List<Op>>> all = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        all.add(
            threads.submit(
                () -> {
                  List<Op> ops = new ArrayList<>();
                  for (int k = 0; k < calls; k++) {
                    long start = System.nanoTime();
                    IdRange ids = call.call();
                    ops.add(new Op(start, System.nanoTime(), ids));
                  }
                  return ops;
                }));
      }
      List<Op> ops = new ArrayList<>();
      for (Future<List<Op>> f : all) {
        ops.addAll(f.get());
      }
      return ops;
    } finally {
      threads.shutdownNow();
    }
  }

  /** Checks U: no id twice. */
  static void assertUnique(List<Op> ops) {
    Set<Long> seen = new HashSet<>();
    for (Op op : ops) {
      op.ids.stream().forEach(id -> assertTrue(seen.add(id), "twice: " + id));
    }
  }

  /** Checks S: a call that began after another ended has greater ids. */
  static void assertStrict(List<Op> ops) {
    List<Op> byEnd = ops.stream().sorted(Comparator.comparingLong(Op::end)).toList();
    List<Op> byStart = ops.stream().sorted(Comparator.comparingLong(Op::start)).toList();
    long greatest = 0;
    int ended = 0;
    for (Op op : byStart) {
      for (; ended < byEnd.size() && byEnd.get(ended).end < op.start; ended++) {
        greatest = Math.max(greatest, byEnd.get(ended).ids.last());
      }
      long before = greatest;
      assertTrue(op.ids.start() > before, () -> op.ids + " began after " + before + " was there");
    }
  }

  @Test
  void strong() throws Exception {
    Worker worker = new Worker(server.connect(), Worker.Request::serve);
    Sequence s = client.sequence("orders", "invoice", PATIENT.withMode(Mode.STRONG));
    List<Op> ops = run(32, 200, () -> s.nextN(2));
    assertEquals(32 * 200, ops.size());
    assertUnique(ops);
    assertStrict(ops);
    assertTrue(worker.requests.get() < 32 * 200 / 3, () -> worker.requests + " requests");
    assertEquals(32 * 200 * 2 + 1, s.next(), "a gap without a fault");
  }

  @Test
  void stock() throws Exception {
    Worker worker = new Worker(server.connect(), Worker.Request::serve);
    Sequence s = client.sequence("orders", "row", PATIENT, 10_000);
    List<Op> ops =
        run(
            8,
            20_000,
            () -> {
              long id = s.next();
              return new IdRange(id, 1);
            });
    assertUnique(ops);
    assertStrict(ops); // from one worker a sequence's ids are in order, in WEAK too
    assertTrue(worker.requests.get() < 8 * 20_000 / 10, () -> worker.requests + " requests");
  }

  /** Two of three answers are lost or late, and the order still holds. */
  @Test
  void strongWithFaults() throws Exception {
    new Worker(
        server.connect(),
        r -> {
          switch (r.num % 6) {
            case 0 -> r.fail("BUSY", 429, "full", 1);
            case 1 -> r.fail("UNAVAILABLE", 503, "no etcd", 0);
            case 2 -> {} // lost
            case 3 -> r.reply(1, r.n, Wire.nonce(1)); // a stranger's, and no other
            default -> r.serve();
          }
        });
    Options hasty = PATIENT.withMode(Mode.STRONG).withAttemptTimeout(Duration.ofMillis(20));
    Sequence s = client.sequence("orders", "invoice", hasty);
    List<Op> ops = run(16, 20, () -> s.nextN(1));
    assertUnique(ops);
    assertStrict(ops);
  }
}
