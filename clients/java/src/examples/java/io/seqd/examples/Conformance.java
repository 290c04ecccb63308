package io.seqd.examples;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.seqd.client.Client;
import io.seqd.client.IdRange;
import io.seqd.client.Mode;
import io.seqd.client.Options;
import io.seqd.client.SeqdException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Does what a runner writes to it, a JSON object a line, and answers each with one line. */
public final class Conformance {
  /** One call, of the client or of a sequence. */
  private interface Call {
    IdRange next() throws InterruptedException;
  }

  private final Client client;

  private Conformance(Client client) {
    this.client = client;
  }

  /**
   * Serves the runner until it says {@code exit} or its input ends.
   *
   * @param args none
   * @throws Exception if the server that NATS_URL names can't be reached
   */
  public static void main(String[] args) throws Exception {
    String url = System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222");
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var options = Client.connectOptions(url).errorListener(new ErrorListener() {});
    Connection nc = Nats.connect(options.build());
    try (Client client = new Client(nc)) {
      Conformance conformance = new Conformance(client);
      out.println("{\"ready\":true}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.isBlank()) {
          continue;
        }
        JsonObject command = JsonParser.parseString(line).getAsJsonObject();
        if (command.get("op").getAsString().equals("exit")) {
          return;
        }
        out.println(conformance.run(command));
      }
    } finally {
      nc.close();
    }
  }

  private JsonObject run(JsonObject command) throws InterruptedException {
    return switch (command.get("op").getAsString()) {
      case "next" -> next(command);
      case "load" -> load(command);
      case "rate" -> rate(command);
      default -> error("OTHER", "unknown op");
    };
  }

  private JsonObject next(JsonObject command) throws InterruptedException {
    try {
      IdRange ids = call(command).next();
      JsonObject result = new JsonObject();
      result.addProperty("id", Long.toString(ids.first()));
      result.addProperty("n", ids.n());
      return result;
    } catch (SeqdException e) {
      return error(code(e), e.getMessage());
    }
  }

  private JsonObject load(JsonObject command) throws InterruptedException {
    int calls = command.get("calls").getAsInt();
    JsonArray ops = new JsonArray();
    Map<String, Integer> errors = new TreeMap<>();
    Call call;
    try {
      call = call(command);
    } catch (SeqdException e) {
      return error(code(e), e.getMessage());
    }
    together(
        number(command, "callers", 1),
        () -> {
          for (int i = 0; i < calls; i++) {
            long start = System.nanoTime(); // CLOCK_MONOTONIC on Linux
            JsonArray op = new JsonArray();
            String failed = null;
            try {
              IdRange ids = call.next();
              op.add(start);
              op.add(System.nanoTime());
              op.add(Long.toString(ids.first()));
              op.add(ids.n());
            } catch (SeqdException e) {
              failed = code(e);
            }
            synchronized (ops) {
              if (failed == null) {
                ops.add(op);
              } else {
                errors.merge(failed, 1, Integer::sum);
              }
            }
          }
        });
    JsonObject counts = new JsonObject();
    errors.forEach(counts::addProperty);
    JsonObject result = new JsonObject();
    result.add("ops", ops);
    result.add("errors", counts);
    return result;
  }

  private JsonObject rate(JsonObject command) throws InterruptedException {
    long duration = TimeUnit.MILLISECONDS.toNanos(command.get("duration_ms").getAsLong());
    AtomicLong count = new AtomicLong();
    Call call = call(command);
    long start = System.nanoTime();
    together(
        number(command, "callers", 1),
        () -> {
          long got = 0;
          while (System.nanoTime() - start < duration) {
            try {
              got += call.next().n();
            } catch (SeqdException e) {
              // It lowers the rate, which is what is asked for.
            }
          }
          count.addAndGet(got);
        });
    double seconds = (System.nanoTime() - start) / 1e9;
    JsonObject result = new JsonObject();
    result.addProperty("ids_per_second", Math.round(count.get() / seconds));
    return result;
  }

  /** What one caller of many does. */
  private interface Work {
    void run() throws InterruptedException;
  }

  private static void together(int callers, Work work) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < callers; i++) {
      threads.add(
          new Thread(
              () -> {
                try {
                  work.run();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              }));
    }
    threads.forEach(Thread::start);
    for (Thread t : threads) {
      t.join();
    }
  }

  private Call call(JsonObject command) {
    String store = command.get("store").getAsString();
    String key = command.get("key").getAsString();
    long n = number(command, "n", 1);
    String mode = command.has("mode") ? command.get("mode").getAsString() : "default";
    Options options =
        client
            .options()
            .withMode(Mode.valueOf(mode.toUpperCase(Locale.ROOT)))
            .withTimeout(Duration.ofMillis(number(command, "timeout_ms", 2000)));
    if (command.has("sequence") && command.get("sequence").getAsBoolean()) {
      var sequence =
          client.sequence(store, key, options.withPrefetch(number(command, "prefetch", 0)));
      return () -> sequence.nextN(n);
    }
    return () -> client.nextN(store, key, n, options);
  }

  private static int number(JsonObject command, String name, int otherwise) {
    return command.has(name) ? command.get(name).getAsInt() : otherwise;
  }

  /** Returns the runner's word for an error. */
  private static String code(SeqdException e) {
    return switch (e.code()) {
      case "BAD_REQUEST", "FENCED", "BUSY", "INTERNAL", "UNAVAILABLE", "EXPIRED", "EXHAUSTED" ->
          e.code();
      case "NO_WORKERS", "TIMEOUT" -> e.code();
      default -> e.timedOut() ? "TIMEOUT" : "OTHER";
    };
  }

  private static JsonObject error(String code, String text) {
    JsonObject result = new JsonObject();
    result.addProperty("error", code);
    result.addProperty("text", text);
    return result;
  }
}
