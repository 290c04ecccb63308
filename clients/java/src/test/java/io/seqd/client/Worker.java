package io.seqd.client;

import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A worker that answers as a test says. It runs on one thread. */
final class Worker {
  final AtomicInteger requests = new AtomicInteger();
  private final Map<String, Long> counters = new HashMap<>(); // the dispatcher's thread's

  Worker(Connection nc, Consumer<Request> script) throws Exception {
    this(nc, "seq.>", script);
  }

  Worker(Connection nc, String subject, Consumer<Request> script) throws Exception {
    nc.createDispatcher(
            msg -> script.accept(new Request(nc, msg, requests.incrementAndGet(), counters)))
        .subscribe(subject, "seqd");
    nc.flush(Duration.ofSeconds(10));
  }

  /** A request as it came. */
  static final class Request {
    final Message msg;
    final int num; // of the worker's requests, from 1
    final long arrived = System.nanoTime();
    long n = 1;
    String mode = "default";
    byte[] nonce; // the element
    String idempotencyKey;
    private final Connection nc;
    private final Map<String, Long> counters;

    private Request(Connection nc, Message msg, int num, Map<String, Long> counters) {
      this.nc = nc;
      this.msg = msg;
      this.num = num;
      this.counters = counters;
      byte[] body = msg.getData();
      Msgpack in = new Msgpack(body);
      in.next();
      for (long pairs = in.items / 2; pairs > 0; pairs--) {
        in.next();
        String name = new String(body, in.dataStart, in.end() - in.dataStart, UTF_8);
        in.next();
        switch (name) {
          case "n" -> n = in.value;
          case "mode" -> mode = new String(body, in.dataStart, in.end() - in.dataStart, UTF_8);
          case "idempotency_key" ->
              idempotencyKey = new String(body, in.dataStart, in.end() - in.dataStart, UTF_8);
          case "nonce" -> nonce = Arrays.copyOfRange(body, in.start, in.end());
          default -> throw new AssertionError("unknown field " + name);
        }
      }
    }

    private static final java.nio.charset.Charset UTF_8 = StandardCharsets.UTF_8;

    String header(String name) {
      return msg.getHeaders() == null ? null : msg.getHeaders().getFirst(name);
    }

    /** Answers with the next ids of the subject's counter. */
    void serve() {
      long first = counters.merge(msg.getSubject(), n, Long::sum) - n + 1;
      ids(first);
    }

    void ids(long first) {
      reply(first, n, nonce);
    }

    void reply(long first, long count, byte[] nonceElement) {
      ByteBuffer b = ByteBuffer.allocate(64);
      b.put((byte) (nonceElement == null ? 0x82 : 0x83));
      b.put((byte) 0xa2).put("id".getBytes(UTF_8)).put((byte) 0xd3).putLong(first);
      b.put((byte) 0xa1).put((byte) 'n').put((byte) 0xce).putInt((int) count);
      if (nonceElement != null) {
        b.put((byte) 0xa5).put("nonce".getBytes(UTF_8)).put(nonceElement);
      }
      raw(null, Arrays.copyOf(b.array(), b.position()));
    }

    /** Answers with ids that have numbers: one in number, more in numbers. */
    void numbers(long first, String period, List<String> numbers, Headers headers) {
      ByteBuffer b = ByteBuffer.allocate(100_000);
      b.put((byte) 0x85);
      string(b, "id").put((byte) 0xd3).putLong(first);
      string(b, "n").put((byte) 0xce).putInt((int) n);
      string(string(b, "period"), period);
      if (numbers.size() == 1) {
        string(string(b, "number"), numbers.get(0));
      } else {
        string(b, "numbers").put((byte) 0xdc).putShort((short) numbers.size());
        numbers.forEach(number -> string(b, number));
      }
      string(b, "nonce").put(nonce);
      raw(headers, Arrays.copyOf(b.array(), b.position()));
    }

    void fail(String code, int number, String text, int retryMs) {
      fail(code, number, text, retryMs, nonce);
    }

    void fail(String code, int number, String text, int retryMs, byte[] nonceElement) {
      ByteBuffer b = ByteBuffer.allocate(256);
      b.put((byte) (0x82 + (retryMs > 0 ? 1 : 0) + (nonceElement != null ? 1 : 0)));
      string(string(b, "code"), code);
      string(string(b, "error"), text);
      if (retryMs > 0) {
        string(b, "retry_after_ms").put((byte) 0xce).putInt(retryMs);
      }
      if (nonceElement != null) {
        string(b, "nonce").put(nonceElement);
      }
      raw(errorHeaders(code, number, text), Arrays.copyOf(b.array(), b.position()));
    }

    static Headers errorHeaders(String code, int number, String text) {
      return new Headers()
          .put(Wire.ERROR_CODE_HEADER, Integer.toString(number))
          .put(Wire.ERROR_HEADER, code + ": " + text);
    }

    private static ByteBuffer string(ByteBuffer b, String s) {
      byte[] bytes = s.getBytes(UTF_8);
      return b.put((byte) 0xd9).put((byte) bytes.length).put(bytes);
    }

    void raw(Headers headers, byte[] body) {
      nc.publish(msg.getReplyTo(), headers, body);
    }
  }
}
