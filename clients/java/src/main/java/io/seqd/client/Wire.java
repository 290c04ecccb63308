package io.seqd.client;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/** Requests and replies as they travel: headers, and bodies in msgpack. */
final class Wire {
  static final String TIMEOUT_HEADER = "Seq-Timeout-Ms";
  static final String ERROR_CODE_HEADER = "Nats-Service-Error-Code";
  static final String ERROR_HEADER = "Nats-Service-Error";
  static final String REPLAYED_HEADER = "Seq-Replayed";

  /** Bounds the ids of one request whatever a store allows: n has 32 bits in a reply. */
  static final long MAX_N = 0xffff_ffffL;

  /** Bounds the ids of one request for a key that has numbers. */
  static final long MAX_NUMBERS = 1000;

  static final int MAX_IDEMPOTENCY_KEY_BYTES = 64;

  /** Keeps a hostile retry_after_ms from overflowing a time. */
  private static final long MAX_RETRY_MS = Duration.ofHours(24).toMillis();

  private static final Failure UNREADABLE =
      Failure.of(Failure.INTERNAL, "the worker's answer can't be read");

  private Wire() {}

  /** Returns a nonce as it is written: always the 9-byte form, which every decoder gives back. */
  static byte[] nonce(long u) {
    return ByteBuffer.allocate(9).put((byte) 0xcf).putLong(u).array();
  }

  /**
   * Returns an idempotency key as it is written. A lone surrogate is an error: getBytes would write
   * it as a question mark, and two keys would be one.
   */
  static ByteBuffer idempotencyKey(String key) {
    if (key == null) {
      throw Failure.badRequest("idempotency key must be a text, not null");
    }
    try {
      return StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(key));
    } catch (CharacterCodingException e) {
      throw Failure.badRequest("idempotency key is not Unicode text: a surrogate stands alone");
    }
  }

  /**
   * Returns a request's body: a map of n, mode, nonce and idempotency_key, of those that differ
   * from their defaults.
   *
   * @param nonce a whole msgpack element, or null
   * @param idempotencyKey a text of at most 64 bytes, or null
   */
  static byte[] request(long n, Mode mode, byte[] nonce, String idempotencyKey) {
    int fields = (n > 1 ? 1 : 0) + (mode != Mode.DEFAULT ? 1 : 0) + (nonce != null ? 1 : 0);
    fields += idempotencyKey != null ? 1 : 0;
    if (fields == 0) {
      return new byte[0];
    }
    ByteBuffer b = ByteBuffer.allocate(idempotencyKey == null ? 64 : 64 + 18 + 64);
    b.put((byte) (0x80 | fields));
    if (n > 1) {
      integer(text(b, "n"), n);
    }
    if (mode != Mode.DEFAULT) {
      text(text(b, "mode"), mode.toString());
    }
    if (nonce != null) {
      text(b, "nonce").put(nonce);
    }
    if (idempotencyKey != null) {
      text(text(b, "idempotency_key"), idempotencyKey);
    }
    return Arrays.copyOf(b.array(), b.position());
  }

  /** Writes a text of less than 256 bytes in its shortest form. */
  private static ByteBuffer text(ByteBuffer b, String s) {
    byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= 32) {
      return b.put((byte) 0xd9).put((byte) bytes.length).put(bytes);
    }
    return b.put((byte) (0xa0 | bytes.length)).put(bytes);
  }

  /** Writes a positive integer below 2^32 in its shortest form. */
  private static void integer(ByteBuffer b, long u) {
    if (u < 0x80) {
      b.put((byte) u);
    } else if (u <= 0xff) {
      b.put((byte) 0xcc).put((byte) u);
    } else if (u <= 0xffff) {
      b.put((byte) 0xcd).putShort((short) u);
    } else {
      b.put((byte) 0xce).putInt((int) u);
    }
  }

  /**
   * What an answer says.
   *
   * @param numbers null: it is an error
   * @param failure null: it holds ids. An answer that is neither ids nor an error is INTERNAL
   * @param nonce the element as it was written; null: there is none
   * @param isError whether the headers alone make it an error
   */
  record Answer(Numbers numbers, Failure failure, byte[] nonce, boolean isError) {
    IdRange ids() {
      return numbers == null ? null : numbers.ids();
    }
  }

  /**
   * Reads an answer.
   *
   * @param header returns the first value of a header, or null
   */
  static Answer decode(UnaryOperator<String> header, byte[] body) {
    Fields f = new Fields();
    boolean whole = f.read(body);
    String number = header.apply(ERROR_CODE_HEADER);
    boolean isError = number != null;
    if (whole && !isError && f.n <= MAX_N && IdRange.holds(f.id, f.n)) {
      boolean replayed = "true".equals(header.apply(REPLAYED_HEADER));
      Numbers numbers = new Numbers(new IdRange(f.id, f.n), f.period, f.numbers, replayed);
      return new Answer(numbers, null, f.nonce, false);
    }
    String code = UNREADABLE.code();
    String text = UNREADABLE.text();
    if (isError) { // the body adds what the headers can't say
      code = Failure.codeOf(decimal(number));
      text = header.apply(ERROR_HEADER);
      text = text == null ? "" : text;
      text = text.startsWith(code + ": ") ? text.substring(code.length() + 2) : text;
    }
    code = f.code == null || f.code.isEmpty() ? code : f.code;
    text = f.text == null ? text : f.text;
    Duration retry = Duration.ofMillis(Math.min(Math.max(f.retryAfterMs, 0), MAX_RETRY_MS));
    return new Answer(null, new Failure(code, text, retry), f.nonce, isError);
  }

  /** The fields of both kinds of answer. One of the wrong type counts as absent. */
  private static final class Fields {
    long id;
    long n;
    long retryAfterMs;
    String code;
    String text;
    String period = "";
    List<String> numbers = List.of();
    byte[] nonce;

    /** Reports whether body is one whole map. */
    boolean read(byte[] body) {
      Msgpack in = new Msgpack(body);
      if (!in.next() || in.kind != Msgpack.Kind.MAP) {
        return false;
      }
      for (long pairs = in.items / 2; pairs > 0; pairs--) {
        if (!in.next()) {
          return false;
        }
        String name = in.kind == Msgpack.Kind.STR ? string(body, in) : "";
        if (!in.skip() || !in.next()) {
          return false;
        }
        if (name.equals("numbers") && in.kind == Msgpack.Kind.ARRAY) {
          if (!readNumbers(body, in)) {
            return false;
          }
          continue;
        }
        set(name, body, in);
        if (!in.skip()) {
          return false;
        }
      }
      return in.atEnd();
    }

    /** Reads the array whose head was taken, and keeps it if all its items are texts. */
    private boolean readNumbers(byte[] body, Msgpack in) {
      List<String> found = new ArrayList<>();
      long count = in.items;
      for (long i = 0; i < count; i++) {
        if (!in.next()) {
          return false;
        }
        if (in.kind == Msgpack.Kind.STR) {
          found.add(string(body, in));
        }
        if (!in.skip()) {
          return false;
        }
      }
      numbers = found.size() == count ? found : numbers;
      return true;
    }

    private void set(String name, byte[] body, Msgpack in) {
      switch (in.kind) {
        case INT -> {
          switch (name) {
            case "id" -> id = in.value;
            case "n" -> n = in.value;
            case "retry_after_ms" -> retryAfterMs = in.value;
            default -> {}
          }
        }
        case STR -> {
          switch (name) {
            case "code" -> code = string(body, in);
            case "error" -> text = string(body, in);
            case "period" -> period = string(body, in);
            case "number" -> numbers = List.of(string(body, in));
            default -> {}
          }
        }
        default -> {}
      }
      if (name.equals("nonce") && in.items == 0 && in.kind != Msgpack.Kind.OTHER) {
        nonce = Arrays.copyOfRange(body, in.start, in.end());
      }
    }

    private static String string(byte[] body, Msgpack in) {
      return new String(body, in.dataStart, in.end() - in.dataStart, StandardCharsets.UTF_8);
    }
  }

  private static int decimal(String s) {
    try {
      return Integer.parseInt(s);
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
