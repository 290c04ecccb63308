package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The client, the demo and the conformance program against a real seqd with NATS and etcd. */
@Timeout(120)
class EndToEndTest {
  @TempDir static Path data;
  private static Programs.Running seqd;
  private static String url;
  private static Connection nc;
  private static Client client;

  @BeforeAll
  static void start() throws Exception {
    String program = Programs.build("seqd", "./cmd/seqd").toString();
    var ready = new CompletableFuture<Matcher>();
    List<String> command =
        List.of(
            program,
            "dev",
            "--nats-port",
            "0",
            "--etcd-port",
            "0",
            "--http-port",
            "0",
            "--data-dir",
            data.toString());
    seqd = Programs.Running.start(command, Pattern.compile("ready nats=(\\S+)"), ready);
    url = ready.join().group(1);
    nc = Nats.connect(Client.connectOptions(url).build());
    client = new Client(nc, Options.defaults().withTimeout(Duration.ofSeconds(20)));
  }

  @AfterAll
  static void stop() throws Exception {
    if (nc != null) {
      nc.close();
    }
    if (seqd != null) {
      seqd.close();
    }
  }

  private static final Mode[] MODES = {Mode.STRONG, Mode.WEAK};

  @Test
  void bothModesDrawOnOneCounter() throws Exception {
    long last = 0;
    for (int i = 1; i <= 30; i++) {
      Options options = client.options().withMode(MODES[i % 2]);
      IdRange ids = client.nextN("orders", "both", i, options);
      assertEquals(i, ids.length());
      if (i % 2 == 0) {
        assertTrue(ids.start() > last, "STRONG " + ids + " after " + last);
      }
      last = Math.max(last, ids.last());
    }
    assertEquals(1, client.next("orders", "strong", client.options().withMode(Mode.STRONG)));
    assertEquals(2, client.next("orders", "strong", client.options().withMode(Mode.STRONG)));
  }

  /** Texts that differ are counters that differ, however odd they are. */
  @Test
  void oddKeys() throws Exception {
    List<String> keys =
        List.of(
            "发票/2026", "a b", "=", "a=20b", "a.b", "a..b", "a/b", ".", "*", ">", "k".repeat(200));
    for (String key : keys) {
      assertEquals(
          new IdRange(1, 2),
          client.nextN("odd", key, 2, client.options().withMode(Mode.STRONG)),
          key);
    }
  }

  @Test
  void errors() {
    var e =
        assertThrows(SeqdException.BadRequest.class, () -> client.nextN("orders", "a", 100_001));
    assertTrue(e.text().contains("100000"), e.text());
    assertEquals(1, e.attempts());
    Options elsewhere = client.options().withRoot("elsewhere").withTimeout(Duration.ofMillis(200));
    assertThrows(SeqdException.NoWorkers.class, () -> client.next("orders", "a", elsewhere));
  }

  @Test
  void sequencesOfManyThreads() throws Exception {
    for (Mode mode : MODES) {
      Sequence s = client.sequence("orders", "many-" + mode, client.options().withMode(mode));
      List<CompletableFuture<Long>> calls = new ArrayList<>();
      for (int i = 0; i < 5_000; i++) {
        calls.add(s.nextAsync());
      }
      long last = 0;
      for (var call : calls) {
        assertTrue(call.get() > last, "ids of one sequence and one worker are in order");
        last = call.get();
      }
      assertTrue(mode == Mode.WEAK || last == 5_000, "STRONG has no gaps: " + last);
    }
  }

  private static Process program(String name, String... args) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "io.seqd.examples." + name));
    command.addAll(List.of(args));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("NATS_URL", url);
    return builder.start();
  }

  @Test
  void demo() throws Exception {
    Process demo = program("Demo", "-s", "sequencer_demo");
    String got = new String(demo.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    StringBuilder want = new StringBuilder();
    for (int i = 1; i <= 10; i++) {
      want.append("Try to get next id.Key: examples\nNext id: ").append(i).append("\n");
    }
    assertEquals(want.toString(), got);
    assertEquals(0, demo.waitFor());
  }

  @Test
  void conformance() throws Exception {
    String commands =
        """
        {"op":"next","store":"c","key":"发票","n":3,"mode":"strong","timeout_ms":5000}
        {"op":"next","store":"c d","key":"k","n":1,"mode":"default","timeout_ms":5000}
        {"op":"load","store":"c","key":"l","mode":"strong","callers":8,"calls":20,"sequence":true,"n":2,"timeout_ms":9000}
        {"op":"load","store":"c","key":"l","mode":"strong","callers":4,"calls":5,"sequence":false,"n":1,"timeout_ms":9000}
        {"op":"rate","store":"c","key":"r","mode":"weak","callers":4,"duration_ms":200,"sequence":false}
        {"op":"next","store":"c","key":"发票","closed":true}
        {"op":"close"}
        {"op":"next","store":"c","key":"发票"}
        {"op":"connect","url":"URL"}
        {"op":"next","store":"c","key":"发票","mode":"strong"}
        {"op":"numbers","store":"c","key":"n","n":2,"mode":"strong"}
        {"op":"numbers","store":"c","key":"n","n":1001,"mode":"strong"}
        {"op":"next","store":"c","key":"n","idempotency_key":""}
        {"op":"exit"}
        """
            .replace("URL", url);
    Process conformance = program("Conformance");
    try (var in = conformance.getOutputStream()) {
      in.write(commands.getBytes(StandardCharsets.UTF_8));
    }
    String out = new String(conformance.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(conformance.waitFor(30, TimeUnit.SECONDS) && conformance.exitValue() == 0);
    List<JsonObject> got =
        out.lines().map(line -> JsonParser.parseString(line).getAsJsonObject()).toList();
    assertEquals("{\"ready\":true}", got.get(0).toString());
    assertEquals("{\"id\":\"1\",\"n\":3,\"range\":\"1..3\"}", got.get(1).toString());
    assertEquals("BAD_REQUEST", got.get(2).get("error").getAsString());
    List<SequenceServerTest.Op> ops = new ArrayList<>();
    for (JsonObject load : got.subList(3, 5)) {
      assertEquals("{}", load.get("errors").toString());
      for (JsonElement e : load.getAsJsonArray("ops")) {
        JsonArray op = e.getAsJsonArray();
        IdRange ids = new IdRange(Long.parseLong(op.get(2).getAsString()), op.get(3).getAsLong());
        ops.add(new SequenceServerTest.Op(op.get(0).getAsLong(), op.get(1).getAsLong(), ids));
      }
    }
    assertEquals(8 * 20 + 4 * 5, ops.size());
    SequenceServerTest.assertUnique(ops);
    SequenceServerTest.assertStrict(ops);
    assertTrue(got.get(5).get("ids_per_second").getAsLong() > 0);
    for (JsonObject closed : List.of(got.get(6), got.get(8))) {
      assertEquals("CLOSED", closed.get("error").getAsString());
      assertFalse(closed.get("ids_may_be_spent").getAsBoolean());
    }
    assertEquals(got.get(0), got.get(7));
    assertEquals(got.get(0), got.get(9));
    assertEquals("{\"id\":\"4\",\"n\":1,\"range\":\"4\"}", got.get(10).toString());
    assertEquals(
        "{\"id\":\"1\",\"n\":2,\"range\":\"1..2\",\"period\":\"\",\"numbers\":[],\"replayed\":false}",
        got.get(11).toString());
    for (JsonObject bad : got.subList(12, 14)) {
      assertEquals("BAD_REQUEST", bad.get("error").getAsString());
      assertFalse(bad.get("ids_may_be_spent").getAsBoolean());
    }
    assertEquals(14, got.size());
  }
}
