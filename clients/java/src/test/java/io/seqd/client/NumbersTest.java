package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.nats.client.Connection;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Idempotency keys and numbers for people, against a scripted worker behind a real nats-server. */
@Timeout(60)
class NumbersTest {
  private static final Options PATIENT =
      Options.defaults()
          .withTimeout(Duration.ofSeconds(20))
          .withAttemptTimeout(Duration.ofSeconds(20));

  private NatsServer server;
  private Connection nc;
  private Client client;
  private final List<Worker.Request> got = Collections.synchronizedList(new ArrayList<>());

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

  private void worker(Consumer<Worker.Request> script) throws Exception {
    new Worker(
        server.connect(),
        r -> {
          got.add(r);
          script.accept(r);
        });
  }

  /**
   * Counts in a period, and answers an idempotency key as it did before. The answers to the
   * requests with the numbers in lost never arrive.
   */
  private static final class Answers implements Consumer<Worker.Request> {
    private final Set<Integer> lost;
    private final Map<String, Long> recorded = new HashMap<>();
    long last;

    Answers(Integer... lost) {
      this.lost = Set.of(lost);
    }

    @Override
    public void accept(Worker.Request r) {
      Long before = r.idempotencyKey == null ? null : recorded.get(r.idempotencyKey);
      long first = before == null ? last + 1 : before;
      if (before == null) {
        last += r.n;
        if (r.idempotencyKey != null) {
          recorded.put(r.idempotencyKey, first);
        }
      }
      if (lost.contains(r.num)) {
        return;
      }
      List<String> numbers =
          LongStream.range(first, first + r.n)
              .mapToObj(id -> String.format("INV-2026-%06d", id))
              .toList();
      Headers replayed = new Headers().put("Seq-Replayed", "true");
      r.numbers(first, "2026", numbers, before == null ? null : replayed);
    }
  }

  @Test
  void repeatIsToldFromFirstAnswer() throws Exception {
    worker(new Answers());
    Options key = client.options().withIdempotencyKey("order-7");
    List<String> numbers = List.of("INV-2026-000001", "INV-2026-000002");
    Numbers first = client.numbers("orders", "invoice", 2, key);
    assertEquals(new Numbers(new IdRange(1, 2), "2026", numbers, false), first);
    assertEquals(
        new Numbers(first.ids(), "2026", numbers, true),
        client.numbersAsync("orders", "invoice", 2, key).get());
    assertEquals(first.ids(), client.nextN("orders", "invoice", 2, key));
    assertEquals(3, client.next("orders", "invoice", key.withIdempotencyKey("Bestellung-ä-€-17")));
    Numbers plain = new Numbers(new IdRange(4, 1), "2026", List.of("INV-2026-000004"), false);
    assertEquals(plain, client.numbers("orders", "invoice", 1));
    assertEquals(
        Arrays.asList("order-7", "order-7", "order-7", "Bestellung-ä-€-17", null),
        got.stream().map(r -> r.idempotencyKey).toList());
    got.forEach(r -> assertEquals(Set.of("Seq-Timeout-Ms"), r.msg.getHeaders().keySet()));
  }

  @Test
  void lostAnswerIsFetchedWithTheSameKey() throws Exception {
    Answers answers = new Answers(1, 2);
    worker(answers);
    Options options =
        client
            .options()
            .withAttemptTimeout(Duration.ofMillis(50))
            .withMode(Mode.STRONG)
            .withIdempotencyKey("order-7");
    Numbers numbers = client.numbers("orders", "invoice", 3, options);
    assertTrue(numbers.replayed());
    assertEquals(new IdRange(1, 3), numbers.ids());
    assertTrue(got.size() >= 3, () -> got.size() + " requests");
    assertEquals(
        Set.of("order-7 3 strong"),
        got.stream()
            .map(r -> r.idempotencyKey + " " + r.n + " " + r.mode)
            .collect(Collectors.toSet()));
    long nonces = got.stream().map(r -> Arrays.hashCode(r.nonce)).distinct().count();
    assertEquals(got.size(), nonces);
    assertEquals(3, answers.last, "a gap");
  }

  @Test
  void lostConnectionIsOvercomeWithTheSameKey() throws Exception {
    var came = new CompletableFuture<Void>();
    Answers answers = new Answers(1);
    worker(
        r -> {
          answers.accept(r);
          came.complete(null);
        });
    Options key = client.options().withIdempotencyKey("order-7");
    CompletableFuture<Numbers> call = client.numbersAsync("orders", "invoice", 1, key);
    came.get(20, TimeUnit.SECONDS);
    server.stop();
    server.startAgain();
    Numbers numbers = call.get(30, TimeUnit.SECONDS);
    assertTrue(numbers.replayed());
    assertEquals(new IdRange(1, 1), numbers.ids());
    assertEquals(1, answers.last, "a gap");
  }

  @Test
  void failedCallSaysHowToGetItsIds() throws Exception {
    worker(r -> {});
    Options options =
        client
            .options()
            .withTimeout(Duration.ofMillis(300))
            .withAttemptTimeout(Duration.ofMillis(50));
    var keyed =
        assertThrows(
            SeqdException.Timeout.class,
            () -> client.next("orders", "invoice", options.withIdempotencyKey("order-7")));
    assertTrue(keyed.idsMayBeSpent());
    String want = "ids may have been spent; a call with the same idempotency key gets them";
    assertTrue(keyed.getMessage().contains(want), keyed.getMessage());
    assertFalse(keyed.getMessage().contains("gap"), keyed.getMessage());
    var other =
        assertThrows(SeqdException.Timeout.class, () -> client.next("orders", "invoice", options));
    assertTrue(
        other.getMessage().contains("ids may have been spent, which leaves a gap"),
        other.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"INTERNAL, 500", "FENCED, 409", "EXHAUSTED, 507", "BAD_REQUEST, 400"})
  void whatEndsCallsAtOnceDoesSoWithKey(String code, int number) throws Exception {
    worker(r -> r.fail(code, number, "scripted", 0));
    Options key = client.options().withIdempotencyKey("order-7");
    var e = assertThrows(SeqdException.class, () -> client.numbers("orders", "invoice", 1, key));
    assertEquals(code, e.code());
    assertEquals(1, got.size());
  }

  @Test
  void wrongKeysAndCountsSendNothing() throws Exception {
    worker(Worker.Request::serve);
    String[] bad = {"", "k".repeat(65), "€".repeat(22), "\ud800", null, "k".repeat(1 << 20)};
    for (String key : bad) {
      var e =
          assertThrows(
              SeqdException.BadRequest.class, () -> client.options().withIdempotencyKey(key));
      assertTrue(e.text().startsWith("idempotency key "), e.text());
      assertFalse(e.idsMayBeSpent());
    }
    for (long n : new long[] {0, -1, 1001, Long.MAX_VALUE}) {
      var e =
          assertThrows(
              SeqdException.BadRequest.class, () -> client.numbers("orders", "invoice", n));
      assertTrue(e.text().startsWith("n must be between 1 and 1000,"), e.text());
    }
    Options key = client.options().withIdempotencyKey("order-7");
    var e = assertThrows(SeqdException.BadRequest.class, () -> new Client(nc, key));
    assertTrue(e.text().contains("for one call"), e.text());
    e = assertThrows(SeqdException.BadRequest.class, () -> client.sequence("o", "i", key));
    assertTrue(e.text().contains("for one call"), e.text());
    e = assertThrows(SeqdException.BadRequest.class, () -> client.sequence("o", "i", key, 100));
    assertTrue(e.text().contains("for one call"), e.text());
    nc.flush(Duration.ofSeconds(10));
    assertEquals(0, got.size());
    for (String good : List.of("k", "k".repeat(64), "€".repeat(21) + "k", "\0", "a b/ü")) {
      client.next("orders", "invoice", client.options().withIdempotencyKey(good));
      assertEquals(good, got.get(got.size() - 1).idempotencyKey);
    }
    // Options made from those of a call keep its key, as they keep everything.
    client.next("orders", "invoice", key.withMode(Mode.WEAK).withRoot("seq"));
    assertEquals("order-7", got.get(got.size() - 1).idempotencyKey);
  }

  @Test
  void keyWithoutNumbersBringsNone() throws Exception {
    worker(Worker.Request::serve);
    assertEquals(
        new Numbers(new IdRange(1, 1000), "", List.of(), false),
        client.numbers("orders", "row", 1000));
  }

  @Test
  void asManyNumbersAsIds() throws Exception {
    worker(r -> r.numbers(1, "", List.of("a", "b"), null));
    assertEquals(List.of("a", "b"), client.numbers("orders", "invoice", 2).numbers());
    var e =
        assertThrows(SeqdException.Internal.class, () -> client.numbers("orders", "invoice", 3));
    assertTrue(e.text().contains("a request for 3 ids with 2 numbers"), e.text());
    assertEquals(1, e.attempts());
    assertTrue(e.idsMayBeSpent());
    assertEquals(2, got.size());
    assertEquals(new IdRange(1, 3), client.nextN("orders", "invoice", 3)); // asks for no numbers
  }

  @Test
  void asText() {
    List<String> numbers = List.of("A-1", "A-2");
    assertEquals("A-1 A-2", new Numbers(new IdRange(1, 2), "2026", numbers, false).toString());
    assertEquals("7..16", Numbers.of(new IdRange(7, 10)).toString());
  }

  @Test
  void numbersOfAnyText() throws Exception {
    List<String> numbers = List.of("№ 7", "", "n".repeat(200), "😀");
    long first = Long.MAX_VALUE - 3;
    Headers replayed = new Headers().put("Seq-Replayed", "true");
    worker(r -> r.numbers(first, "2026-27", numbers, replayed));
    assertEquals(
        new Numbers(new IdRange(first, 4), "2026-27", numbers, true),
        client.numbers("orders", "invoice", 4));
  }

  /** An answer's headers have one spelling: in another they mean nothing. */
  @Test
  void headersOfNoMeaning() throws Exception {
    Headers none = new Headers().put("nats-service-error-code", "500").put("seq-replayed", "true");
    worker(r -> r.numbers(7, "2026", List.of("x"), none));
    assertEquals(
        new Numbers(new IdRange(7, 1), "2026", List.of("x"), false),
        client.numbers("orders", "invoice", 1));
  }

  /** A field of another type counts as absent, as everywhere on the wire. */
  @ParameterizedTest
  @CsvSource({
    "a6 period a4 2026 a6 number a1 x, 2026, x",
    "a6 period 07 a6 number 07,,",
    "a7 numbers 92 a1 x 07,,",
    "a7 numbers 81 a1 x a1 y,,",
    "a6 period a5 later a7 numbers 91 91 a1 x, later,",
    "a7 numbers 90,,",
    "a7 numbers a1 x,,",
    "a7 numbers c0 a6 number c4 01 07,,",
  })
  void whatIsNoNumber(String fields, String period, String number) {
    Wire.Answer answer = Wire.decode(name -> null, answer(fields));
    assertNotNull(answer.numbers(), () -> answer.failure().text());
    assertEquals(new IdRange(5, 1), answer.ids());
    assertEquals(period == null ? "" : period, answer.numbers().period());
    List<String> want = number == null ? List.of() : List.of(number);
    assertEquals(want, answer.numbers().numbers());
  }

  @Test
  void cutNumbersAreNoAnswer() {
    byte[] whole = answer("a7 numbers 92 a1 a a3 bcd a6 period a4 2026");
    assertNotNull(Wire.decode(name -> null, whole).numbers());
    for (int n = 0; n < whole.length; n++) {
      assertNull(Wire.decode(name -> null, Arrays.copyOf(whole, n)).numbers(), "length " + n);
    }
    // 2^32 - 1 of them, and nothing there.
    assertNull(Wire.decode(name -> null, answer("a7 numbers dd ff ff ff ff")).numbers());
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "TRUE", "1", ""})
  void onlyTrueIsRepeat(String value) {
    Wire.Answer answer =
        Wire.decode(name -> name.equals("Seq-Replayed") ? value : null, answer(""));
    assertFalse(answer.numbers().replayed());
  }

  /** Returns the answer with the id 5 and further fields: words of two hex digits, and texts. */
  private static byte[] answer(String fields) {
    var out = new java.io.ByteArrayOutputStream();
    List<String> words = new ArrayList<>(List.of("a2", "id", "05", "a1", "n", "01"));
    words.addAll(fields.isEmpty() ? List.of() : List.of(fields.split(" ")));
    long named =
        words.stream().filter(Set.of("id", "n", "period", "number", "numbers")::contains).count();
    out.write((int) (0x80 | named));
    for (String word : words) {
      if (word.matches("[0-9a-f]{2}")) {
        out.write(Integer.parseInt(word, 16));
      } else {
        out.writeBytes(word.getBytes(StandardCharsets.UTF_8));
      }
    }
    return out.toByteArray();
  }
}
