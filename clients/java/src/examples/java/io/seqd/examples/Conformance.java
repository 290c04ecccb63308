package io.seqd.examples;

import static java.nio.charset.StandardCharsets.US_ASCII;

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
import io.seqd.client.Sequence;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Does what a runner writes to it, a JSON object a line, and answers each with one line. Many
 * callers at once are futures, or with {@code --threads} threads that block.
 */
public final class Conformance {
  private final boolean threads;
  private Connection nc;
  private Client client;

  private Conformance(boolean threads) {
    this.threads = threads;
  }

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
   * @param args none, or {@code --threads}
   * @throws Exception if the server that NATS_URL names can't be reached
   */
  public static void main(String[] args) throws Exception {
    String url = System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222");
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Conformance conformance = new Conformance(args.length > 0 && args[0].equals("--threads"));
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
    return range(call(command));
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
    var load = new Callers.Load(command.get("calls").getAsInt());
    callers(command).run(number(command, "callers", 1), load);
    JsonObject result = new JsonObject();
    result.add("ops", load.ops);
    result.add("errors", load.errors);
    return result;
  }

  private JsonObject rate(JsonObject command) throws Exception {
    long nanos = TimeUnit.MILLISECONDS.toNanos(command.get("duration_ms").getAsLong());
    int callers = number(command, "callers", 1);
    var rate = new Callers.Rate(nanos);
    if (flag(command, "bare") && flag(command, "sequence")) {
      var crowd = new Crowd(callers, rate, bareRequest(command));
      (threads ? Callers.threads(() -> crowd.nextAsync().get()) : Callers.futures(crowd::nextAsync))
          .run(callers, crowd);
    } else {
      callers(command).run(callers, rate);
    }
    JsonObject result = new JsonObject();
    result.addProperty("ids_per_second", rate.perSecond());
    return result;
  }

  /** Returns callers of the client or of one sequence, as the command has it. */
  private Callers callers(JsonObject command) {
    String store = command.get("store").getAsString();
    String key = command.get("key").getAsString();
    long n = number(command, "n", 1);
    Options options = options(command);
    if (flag(command, "bare")) {
      Supplier<CompletableFuture<IdRange>> request = bareRequest(command);
      return threads ? Callers.threads(() -> request.get().get()) : Callers.futures(request);
    }
    if (flag(command, "sequence")) {
      Sequence ids = sequence(command, store, key, options);
      return threads
          ? Callers.threads(() -> ids.nextN(n))
          : Callers.futures(() -> ids.nextNAsync(n));
    }
    return threads
        ? Callers.threads(() -> client.nextN(store, key, n, options))
        : Callers.futures(() -> client.nextNAsync(store, key, n, options));
  }

  /** Returns what asks for an id without the client. */
  private Supplier<CompletableFuture<IdRange>> bareRequest(JsonObject command) {
    String subject =
        "seq." + command.get("store").getAsString() + "." + command.get("key").getAsString();
    String mode = command.get("mode").getAsString();
    byte[] head = {(byte) 0x81, (byte) 0xa4, 'm', 'o', 'd', 'e', (byte) (0xa0 | mode.length())};
    byte[] body = Arrays.copyOf(head, head.length + mode.length());
    System.arraycopy(mode.getBytes(US_ASCII), 0, body, head.length, mode.length());
    IdRange one = new IdRange(1, 1);
    Duration timeout = Duration.ofSeconds(2);
    return () -> nc.requestWithTimeout(subject, body, timeout).thenApply(answer -> one);
  }

  /** Makes one call, of the client or of a sequence. */
  private IdRange call(JsonObject command) throws InterruptedException {
    String store = command.get("store").getAsString();
    String key = command.get("key").getAsString();
    long n = number(command, "n", 1);
    Options options = options(command);
    if (!flag(command, "closed")) {
      return client.nextN(store, key, n, options);
    }
    Sequence closed = sequence(command, store, key, options);
    closed.close();
    return closed.nextN(n);
  }

  private Sequence sequence(JsonObject command, String store, String key, Options options) {
    return client.sequence(store, key, options, number(command, "prefetch", 0));
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
