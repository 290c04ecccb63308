package io.seqd.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.nats.client.Connection;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The client against a scripted worker behind a real nats-server. */
@Timeout(60)
class ClientTest {
  /** For tests that count attempts: none may time out on a slow machine. */
  private static final Options PATIENT =
      Options.defaults()
          .withTimeout(Duration.ofSeconds(20))
          .withAttemptTimeout(Duration.ofSeconds(20));

  private NatsServer server;
  private Connection nc;
  private Client client;

  @BeforeEach
  void connect() throws Exception {
    server = new NatsServer();
    nc = server.connect();
    client = new Client(nc, PATIENT);
  }

  @AfterEach
  void disconnect() throws Exception {
    client.close();
    server.close();
  }

  private Worker worker(Consumer<Worker.Request> script) throws Exception {
    return new Worker(server.connect(), script);
  }

  @Test
  void nextAndNextN() throws Exception {
    worker(Worker.Request::serve);
    assertEquals(1, client.next("orders", "invoice"));
    assertEquals(2, client.nextAsync("orders", "invoice").get());
    assertEquals(1, client.next("orders", "receipt"));
    assertEquals(1, client.next("parcels", "invoice"));
    IdRange ids = client.nextN("orders", "invoice", 100_000);
    assertEquals(new IdRange(3, 100_000), ids);
    assertEquals(new IdRange(100_003, 2), client.nextNAsync("orders", "invoice", 2).get());
    assertEquals(100_002, ids.last());
    assertArrayEquals(new long[] {7, 8, 9}, new IdRange(7, 3).stream().toArray());
    assertArrayEquals(
        new long[] {Long.MAX_VALUE}, new IdRange(Long.MAX_VALUE, 1).stream().toArray());
    long sum = 0;
    for (long id : new IdRange(7, 10)) {
      sum += id;
    }
    assertEquals((7 + 16) * 5, sum);
    assertEquals("7 7..16", new IdRange(7, 1) + " " + new IdRange(7, 10));
  }

  @Test
  void idsAreExact() throws Exception {
    long[] ids = {1, 127, 128, (1L << 53) + 1, Long.MAX_VALUE};
    worker(r -> r.ids(ids[r.num - 1]));
    for (long want : ids) {
      assertEquals(want, client.next("orders", "invoice"));
    }
  }

  /** What travels: the subject, the body's fields, the patience; and a nonce for each request. */
  @Test
  void requests() throws Exception {
    List<Worker.Request> got = new ArrayList<>();
    worker(
        r -> {
          got.add(r);
          r.serve();
        });
    client.nextN("orders", "发 a..b", 300, client.options().withMode(Mode.STRONG));
    client.next("orders", "x", Options.defaults().withMode(Mode.WEAK));
    assertEquals("seq.orders.=E5=8F=91=20a.=2Eb", got.get(0).msg.getSubject());
    assertEquals(300, got.get(0).n);
    assertEquals("strong", got.get(0).mode);
    assertEquals("weak", got.get(1).mode);
    assertFalse(Arrays.equals(got.get(0).nonce, got.get(1).nonce));
    long patience = Long.parseLong(got.get(1).header("Seq-Timeout-Ms"));
    assertTrue(patience > 400 && patience <= 500, () -> "patience " + patience);
  }

  @Test
  void root() throws Exception {
    new Worker(server.connect(), "ids.orders.invoice", r -> r.ids(42));
    assertEquals(42, client.next("orders", "invoice", client.options().withRoot("ids")));
  }

  @ParameterizedTest
  @CsvSource({
    "BAD_REQUEST, 400, false, io.seqd.client.SeqdException$BadRequest",
    "FENCED, 409, false, io.seqd.client.SeqdException$Fenced",
    "BUSY, 429, true, io.seqd.client.SeqdException$Busy",
    "INTERNAL, 500, false, io.seqd.client.SeqdException$Internal",
    "UNAVAILABLE, 503, true, io.seqd.client.SeqdException$Unavailable",
    "EXPIRED, 504, true, io.seqd.client.SeqdException$Expired",
    "EXHAUSTED, 507, false, io.seqd.client.SeqdException$Exhausted",
    "UNHEARD_OF, 500, false, io.seqd.client.SeqdException$UnknownCode",
  })
  void codes(String code, int number, boolean again, Class<? extends SeqdException> type)
      throws Exception {
    Worker worker =
        worker(
            r -> {
              if (r.msg.getSubject().endsWith("always")) {
                r.fail(code, number, "scripted", 3_600_000);
              } else if (r.num <= 2) {
                r.fail(code, number, "scripted", 0);
              } else {
                r.ids(7);
              }
            });
    if (again) {
      assertEquals(7, client.next("orders", "twice"));
      assertEquals(3, worker.requests.get());
    } else {
      assertThrows(type, () -> client.next("orders", "twice"));
      assertEquals(1, worker.requests.get());
    }
    SeqdException e = assertThrows(type, () -> client.next("orders", "a b.always"));
    assertEquals(code, e.code());
    assertEquals("scripted", e.text());
    assertEquals(Duration.ofHours(1), e.retryAfter());
    assertEquals(again, e.timedOut());
    for (String part : List.of("\"orders\"", "\"a b.always\"", "scripted")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    var async = client.nextNAsync("orders", "always", 3);
    assertInstanceOf(type, assertThrows(ExecutionException.class, async::get).getCause());
  }

  @Test
  void busyWaitsAsLongAsTold() throws Exception {
    AtomicLong turnedAway = new AtomicLong();
    AtomicLong waited = new AtomicLong();
    worker(
        r -> {
          if (r.num == 1) {
            turnedAway.set(r.arrived);
            r.fail("BUSY", 429, "full", 60);
          } else {
            waited.set(r.arrived - turnedAway.get());
            r.ids(1);
          }
        });
    assertEquals(1, client.next("orders", "invoice"));
    assertTrue(waited.get() >= TimeUnit.MILLISECONDS.toNanos(60), () -> "waited " + waited);
  }

  /** What comes without the nonce is dropped, and the right answer still waited for. */
  @Test
  void strangers() throws Exception {
    AtomicReference<byte[]> before = new AtomicReference<>(Wire.nonce(1));
    Worker worker =
        worker(
            r -> {
              r.reply(1, 1, Wire.nonce(1));
              r.reply(2, 1, null);
              r.reply(3, 1, before.get());
              r.reply(4, 1, new byte[] {(byte) 0xa1, 'x'});
              r.fail("EXHAUSTED", 507, "another's", 0, Wire.nonce(1));
              r.raw(null, new byte[0]);
              r.raw(null, "{\"stream\":\"SEQ\", \"seq\":1}".getBytes());
              r.raw(null, new byte[] {(byte) 0x80});
              r.raw(null, new byte[] {(byte) 0x82, (byte) 0xa2, 'i', 'd', (byte) 0xd3, 0});
              before.set(r.nonce);
              r.ids(7);
              r.ids(8); // twice: meets nobody, or the next request
            });
    for (int want = 1; want <= 20; want++) {
      assertEquals(7, client.next("orders", "invoice"));
      assertEquals(want, worker.requests.get());
    }
  }

  @Test
  void onlyStrangers() throws Exception {
    worker(r -> r.raw(null, "{\"stream\":\"SEQ\", \"seq\":1}".getBytes()));
    Options hasty =
        Options.defaults()
            .withTimeout(Duration.ofMillis(300))
            .withAttemptTimeout(Duration.ofMillis(100));
    var e =
        assertThrows(SeqdException.Timeout.class, () -> client.next("orders", "invoice", hasty));
    assertTrue(e.timedOut() && e.idsMayBeSpent());
    assertTrue(e.getMessage().contains("listens on \"seq.orders.invoice\""), e.getMessage());
  }

  /** An attempt without an answer is followed by another, which does not take the first's. */
  @Test
  void lateAnswer() throws Exception {
    AtomicReference<Worker.Request> first = new AtomicReference<>();
    worker(
        r -> {
          if (r.num == 1) {
            first.set(r);
            return;
          }
          assertNotEquals(first.get().msg.getReplyTo(), r.msg.getReplyTo());
          first.get().ids(1);
          r.ids(2);
        });
    Options options = PATIENT.withAttemptTimeout(Duration.ofMillis(50));
    assertEquals(2, client.next("orders", "invoice", options));
  }

  /** A worker that could not read the nonce still gets its error through. */
  @Test
  void errorWithoutNonce() throws Exception {
    Worker worker =
        worker(r -> r.raw(Worker.Request.errorHeaders("BAD_REQUEST", 400, "why"), new byte[0]));
    var e = assertThrows(SeqdException.BadRequest.class, () -> client.next("orders", "invoice"));
    assertEquals("why", e.text());
    assertEquals(1, worker.requests.get());
  }

  /**
   * jnats goes deaf on a connection over which a header comes that is not ASCII, until its pings go
   * unanswered and it connects again. The call outlives that.
   */
  @Test
  void headerBeyondAscii() throws Exception {
    Connection pings = server.connect(options -> options.pingInterval(Duration.ofMillis(100)));
    client = new Client(pings, PATIENT);
    CompletableFuture<Long> call;
    try (Socket socket = new Socket("127.0.0.1", server.port)) {
      OutputStream out = socket.getOutputStream();
      var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
      String hello = "CONNECT {\"headers\":true,\"verbose\":false}\r\nSUB seq.> 1\r\nPING\r\n";
      out.write(hello.getBytes(UTF_8));
      while (!in.readLine().equals("PONG")) {}
      call = client.nextAsync("orders", "invoice");
      String reply = in.readLine().split(" ")[3];
      byte[] head = "NATS/1.0\r\nNats-Service-Error: BUSY: 发票\r\n\r\n".getBytes(UTF_8);
      String line = "HPUB " + reply + " " + head.length + " " + head.length + "\r\n";
      out.write(line.getBytes(UTF_8));
      out.write(head);
      out.write("\r\n".getBytes(UTF_8));
    }
    worker(Worker.Request::serve);
    assertEquals(1, call.get(15, TimeUnit.SECONDS));
  }

  /** An answer with the right nonce that makes no sense is a fault in seqd. */
  @ParameterizedTest
  @CsvSource({"0,5", "-1,5", "1,0", "1,4", "1,6", "9223372036854775807,5"})
  void senseless(long first, long n) throws Exception {
    Worker worker = worker(r -> r.reply(first, n, r.nonce));
    assertThrows(SeqdException.Internal.class, () -> client.nextN("orders", "invoice", 5));
    assertEquals(1, worker.requests.get());
  }

  @Test
  void noWorkers() {
    Options options = Options.defaults().withTimeout(Duration.ofMillis(300));
    var e = assertThrows(SeqdException.NoWorkers.class, () -> client.next("orders", "a", options));
    assertTrue(e.timedOut() && e.attempts() > 1 && !e.idsMayBeSpent(), e.getMessage());
    assertEquals("NO_WORKERS", e.code());
    assertTrue(e.getMessage().contains("start a worker"), e.getMessage());
    assertTrue(e.getMessage().contains("seqd doctor"), e.getMessage());
    var once = PATIENT.withNoRespondersPatience(Duration.ZERO);
    e = assertThrows(SeqdException.NoWorkers.class, () -> client.next("orders", "a", once));
    assertEquals(1, e.attempts());
  }

  /** NATS refuses silently; the exception quotes what it last said on the connection. */
  @Test
  void permissionDenied(@TempDir Path dir) throws Exception {
    Path config = dir.resolve("nats.conf");
    Files.writeString(
        config,
        "authorization { users: [ { user: u, password: p,"
            + " permissions: { publish: { deny: \"seq.>\" } } } ] }");
    NatsServer strict = new NatsServer("-c", config.toString());
    try {
      Connection refused = strict.connect(options -> options.userInfo("u", "p"));
      Options hasty = Options.defaults().withTimeout(Duration.ofSeconds(1));
      try (Client c = new Client(refused, hasty)) {
        var e = assertThrows(SeqdException.Timeout.class, () -> c.next("orders", "a"));
        assertTrue(e.getMessage().contains("seq.orders.a"), e.getMessage());
      }
    } finally {
      strict.close();
    }
  }

  @Test
  void workerComesBack() throws Exception {
    var call = client.nextAsync("orders", "invoice");
    Thread.sleep(50); // some attempts meet nobody; that there were is not needed
    worker(Worker.Request::serve);
    assertEquals(1, call.get());
  }

  @Test
  void timeout() throws Exception {
    worker(r -> {});
    Options options = Options.defaults().withTimeout(Duration.ofMillis(700));
    long start = System.nanoTime();
    var e = assertThrows(SeqdException.Timeout.class, () -> client.next("orders", "a", options));
    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    assertTrue(took >= 650 && took < 5_000, () -> "took " + took + " ms");
    assertTrue(e.idsMayBeSpent() && e.getMessage().contains("ids may have been spent"));
    assertEquals("TIMEOUT", e.code());
  }

  @Test
  void wrongArgumentsSendNothing() throws Exception {
    Worker worker = worker(Worker.Request::serve);
    List<org.junit.jupiter.api.function.Executable> calls =
        List.of(
            () -> client.next("or ders", "a"),
            () -> client.next("or/ders", "a"),
            () -> client.next("", "a"),
            () -> client.next(null, "a"),
            () -> client.next("orders", ""),
            () -> client.next("orders", null),
            () -> client.next("orders", "k".repeat(201)),
            () -> client.next("orders", "a.".repeat(15) + "a"),
            () -> client.next("orders", "a\ud800"),
            () -> client.nextN("orders", "a", 0),
            () -> client.nextN("orders", "a", -1),
            () -> client.nextN("orders", "a", 1L << 32),
            () -> client.nextNAsync("orders", "a", 0),
            () -> client.sequence("or.ders", "a"),
            () -> client.sequence("orders", "a").nextN(0),
            () -> client.sequence("orders", "a", PATIENT.withMode(Mode.STRONG), 10),
            () -> PATIENT.withRoot("a.b"),
            () -> PATIENT.withTimeout(Duration.ZERO),
            () -> PATIENT.withAttemptTimeout(Duration.ofSeconds(-1)),
            () -> PATIENT.withNoRespondersPatience(Duration.ofSeconds(-1)),
            () -> client.sequence("orders", "a", PATIENT, 1),
            () -> client.sequence("orders", "a", PATIENT, -1));
    for (int i = 0; i < calls.size(); i++) {
      var e = assertThrows(SeqdException.BadRequest.class, calls.get(i), "call " + i);
      assertFalse(e.idsMayBeSpent());
    }
    assertEquals(1, client.next("orders", "k".repeat(200)));
    assertEquals(1, worker.requests.get());
  }

  /** An interrupted call ends at once, and is not tried again. */
  @Test
  void interrupt() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    Worker worker = worker(r -> asked.countDown());
    Options options = PATIENT.withAttemptTimeout(Duration.ofMillis(100));
    AtomicReference<Throwable> end = new AtomicReference<>();
    Thread caller =
        new Thread(
            () -> end.set(assertThrows(Throwable.class, () -> client.next("a", "b", options))));
    caller.start();
    asked.await();
    caller.interrupt();
    caller.join();
    assertInstanceOf(InterruptedException.class, end.get());
    int made = worker.requests.get();
    Thread.sleep(300);
    assertEquals(made, worker.requests.get(), "it was tried again");
  }

  @Test
  void cancel() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    Worker worker = worker(r -> asked.countDown());
    var call = client.nextAsync("a", "b", PATIENT.withAttemptTimeout(Duration.ofMillis(100)));
    asked.await();
    assertTrue(call.cancel(false));
    int made = worker.requests.get();
    Thread.sleep(300);
    assertEquals(made, worker.requests.get(), "it was tried again");
  }

  /** While the connection is down nothing is kept to be sent later. */
  @Test
  void serverRestarts() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    Worker worker =
        worker(
            r -> {
              if (r.num == 1) {
                asked.countDown(); // and no answer
              } else {
                r.ids(7);
              }
            });
    var call = client.nextAsync("orders", "invoice"); // has 20 s for an attempt
    asked.await();
    server.stop();
    while (nc.getStatus() == Connection.Status.CONNECTED) {
      Thread.sleep(1); // the test's own timeout bounds it
    }
    Options hasty = Options.defaults().withTimeout(Duration.ofMillis(200));
    var e = assertThrows(SeqdException.NotConnected.class, () -> client.next("orders", "a", hasty));
    assertTrue(e.timedOut() && !e.idsMayBeSpent(), e.getMessage());
    server.startAgain();
    assertEquals(7, call.get(15, TimeUnit.SECONDS));
    assertEquals(2, worker.requests.get());
  }

  @Test
  void connectionCloses() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    worker(r -> asked.countDown());
    var call = client.nextAsync("orders", "invoice");
    asked.await();
    nc.close();
    var e = assertThrows(ExecutionException.class, () -> call.get(5, TimeUnit.SECONDS));
    var closed = assertInstanceOf(SeqdException.Closed.class, e.getCause());
    assertTrue(closed.idsMayBeSpent());
    closed = assertThrows(SeqdException.Closed.class, () -> client.next("orders", "invoice"));
    assertFalse(closed.idsMayBeSpent());
    assertTrue(closed.getMessage().contains("connectOptions"), closed.getMessage());
  }

  @Test
  void clientCloses() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    worker(r -> asked.countDown());
    var call = client.nextAsync("orders", "invoice");
    asked.await();
    client.close();
    client.close();
    var e = assertThrows(ExecutionException.class, () -> call.get(5, TimeUnit.SECONDS));
    assertInstanceOf(SeqdException.Closed.class, e.getCause());
    assertThrows(SeqdException.Closed.class, () -> client.next("orders", "invoice"));
    assertEquals(Connection.Status.CONNECTED, nc.getStatus());
  }

  /** Many threads share a client, and use few reply subjects. */
  @Test
  void concurrentCallers() throws Exception {
    Set<String> replies = new ConcurrentSkipListSet<>();
    worker(
        r -> {
          replies.add(r.msg.getReplyTo());
          r.serve();
        });
    Set<Long> all = new ConcurrentSkipListSet<>();
    List<Throwable> errors = new ArrayList<>();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      callers.add(
          new Thread(
              () -> {
                try {
                  long last = 0;
                  for (int k = 0; k < 100; k++) {
                    IdRange ids = client.nextN("orders", "invoice", 3);
                    assertTrue(ids.start() > last);
                    last = ids.last();
                    ids.stream().forEach(id -> assertTrue(all.add(id)));
                  }
                } catch (Throwable e) {
                  synchronized (errors) {
                    errors.add(e);
                  }
                }
              }));
    }
    callers.forEach(Thread::start);
    for (Thread t : callers) {
      t.join();
    }
    assertEquals(List.of(), errors);
    assertEquals(16 * 100 * 3, all.size());
    assertTrue(replies.size() <= 16, () -> replies.size() + " reply subjects");
  }
}
