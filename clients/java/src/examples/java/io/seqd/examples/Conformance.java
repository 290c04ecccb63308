package io.seqd.examples;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.seqd.client.Client;
import io.seqd.client.IdRange;
import io.seqd.client.Mode;
import io.seqd.client.Numbers;
import io.seqd.client.Options;
import io.seqd.client.SeqdException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Does what a runner writes to it, a JSON object a line, and answers each with one line. */
public final class Conformance {
  private Connection nc;
  private Client client;

  /** Connects; a connection that there is already is closed. */
  private JsonObject connect(String url) throws IOException, InterruptedException {
    close();
    nc = Nats.connect(Client.connectOptions(url).errorListener(new ErrorListener() {}).build());
    client = new Client(nc);
    return ready();
  }

  private JsonObject close() throws InterruptedException {
    if (nc != null) {
      nc.close();
    }
    return ready();
  }

  private static JsonObject ready() {
    JsonObject result = new JsonObject();
    result.addProperty("ready", true);
    return result;
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
    Conformance conformance = new Conformance();
    try {
      out.println(conformance.connect(url));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonObject command = JsonParser.parseString(line).getAsJsonObject();
        if (command.get("op").getAsString().equals("exit")) {
          return;
        }
        out.println(conformance.run(command));
      }
    } finally {
      conformance.close();
    }
  }

  private JsonObject run(JsonObject command) throws Exception {
    try {
      return switch (command.get("op").getAsString()) {
        case "next" -> next(command);
        case "numbers" -> numbers(command);
        case "load" -> load(command);
        case "rate" -> rate(command);
        case "connect" -> connect(command.get("url").getAsString());
        case "close" -> close();
        default -> throw new IllegalArgumentException("unknown op: " + command);
      };
    } catch (SeqdException e) {
      JsonObject result = new JsonObject();
      result.addProperty("error", e.code());
      result.addProperty("text", e.getMessage());
      result.addProperty("ids_may_be_spent", e.idsMayBeSpent());
      return result;
    }
  }

  private JsonObject next(JsonObject command) throws Exception {
    return range(call(command).call());
  }

  private JsonObject numbers(JsonObject command) throws Exception {
    String store = command.get("store").getAsString();
    String key = command.get("key").getAsString();
    Numbers got = client.numbers(store, key, number(command, "n", 1), options(command));
    JsonArray numbers = new JsonArray();
    got.numbers().forEach(numbers::add);
    JsonObject result = range(got.ids());
    result.addProperty("period", got.period());
    result.add("numbers", numbers);
    result.addProperty("replayed", got.replayed());
    return result;
  }

  private static JsonObject range(IdRange ids) {
    JsonObject result = new JsonObject();
    result.addProperty("id", Long.toString(ids.start()));
    result.addProperty("n", ids.length());
    result.addProperty("range", ids.toString());
    return result;
  }

  private JsonObject load(JsonObject command) throws Exception {
    int calls = command.get("calls").getAsInt();
    JsonArray ops = new JsonArray();
    JsonObject errors = new JsonObject();
    Callable<IdRange> call = call(command);
    together(
        command,
        () -> {
          for (int i = 0; i < calls; i++) {
            long start = System.nanoTime(); // CLOCK_MONOTONIC on Linux
            try {
              IdRange ids = call.call();
              JsonArray op = new JsonArray();
              op.add(start);
              op.add(System.nanoTime());
              op.add(Long.toString(ids.start()));
              op.add(ids.length());
              synchronized (ops) {
                ops.add(op);
              }
            } catch (SeqdException e) {
              synchronized (ops) {
                errors.addProperty(e.code(), number(errors, e.code(), 0) + 1);
              }
            }
          }
          return null;
        });
    JsonObject result = new JsonObject();
    result.add("ops", ops);
    result.add("errors", errors);
    return result;
  }

  private JsonObject rate(JsonObject command) throws Exception {
    long duration = TimeUnit.MILLISECONDS.toNanos(command.get("duration_ms").getAsLong());
    AtomicLong count = new AtomicLong();
    Callable<IdRange> call = call(command);
    long start = System.nanoTime();
    together(
        command,
        () -> {
          long got = 0;
          while (System.nanoTime() - start < duration) {
            try {
              got += call.call().length();
            } catch (SeqdException e) {
              // It lowers the rate, which is what is asked for.
            }
          }
          return count.addAndGet(got);
        });
    double seconds = (System.nanoTime() - start) / 1e9;
    JsonObject result = new JsonObject();
    result.addProperty("ids_per_second", Math.round(count.get() / seconds));
    return result;
  }

  /** Lets each of the command's callers do the work, in a thread of its own. */
  private static void together(JsonObject command, Callable<?> work) throws Exception {
    int callers = number(command, "callers", 1);
    ExecutorService threads = Executors.newFixedThreadPool(callers);
    try {
      for (Future<?> done : threads.invokeAll(Collections.nCopies(callers, work))) {
        done.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  /** Returns what makes one call, of the client or of a sequence. */
  private Callable<IdRange> call(JsonObject command) {
    String store = command.get("store").getAsString();
    String key = command.get("key").getAsString();
    long n = number(command, "n", 1);
    Options options = options(command);
    boolean closed = flag(command, "closed");
    if (closed || flag(command, "sequence")) {
      var sequence = client.sequence(store, key, options, number(command, "prefetch", 0));
      if (closed) {
        sequence.close();
      }
      return () -> sequence.nextN(n);
    }
    return () -> client.nextN(store, key, n, options);
  }

  private Options options(JsonObject command) {
    String mode = command.has("mode") ? command.get("mode").getAsString() : "default";
    Options options =
        client
            .options()
            .withMode(Mode.valueOf(mode.toUpperCase(Locale.ROOT)))
            .withTimeout(Duration.ofMillis(number(command, "timeout_ms", 2000)));
    JsonElement key = command.get("idempotency_key"); // an empty one is for the client to refuse
    boolean none = key == null || key.isJsonNull();
    return none ? options : options.withIdempotencyKey(key.getAsString());
  }

  private static boolean flag(JsonObject command, String name) {
    return command.has(name) && command.get(name).getAsBoolean();
  }

  private static int number(JsonObject command, String name, int otherwise) {
    return command.has(name) ? command.get(name).getAsInt() : otherwise;
  }
}
