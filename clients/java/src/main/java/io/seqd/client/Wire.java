package io.seqd.client;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/** Requests and replies as they travel: headers, and bodies in msgpack. */
final class Wire {
  static final String TIMEOUT_HEADER = "Seq-Timeout-Ms";
  static final String ERROR_CODE_HEADER = "Nats-Service-Error-Code";
  static final String ERROR_HEADER = "Nats-Service-Error";

  /** Bounds the ids of one request whatever a store allows: n has 32 bits in a reply. */
  static final long MAX_N = 0xffff_ffffL;

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
   * Returns a request's body: a map of n, mode and nonce, of those that differ from their defaults.
   *
   * @param nonce a whole msgpack element, or null
   */
  static byte[] request(long n, Mode mode, byte[] nonce) {
    int fields = (n > 1 ? 1 : 0) + (mode != Mode.DEFAULT ? 1 : 0) + (nonce != null ? 1 : 0);
    if (fields == 0) {
      return new byte[0];
    }
    ByteBuffer b = ByteBuffer.allocate(64).put((byte) (0x80 | fields));
    if (n > 1) {
      integer(text(b, "n"), n);
    }
    if (mode != Mode.DEFAULT) {
      text(text(b, "mode"), mode.toString());
    }
    if (nonce != null) {
      text(b, "nonce").put(nonce);
    }
    return Arrays.copyOf(b.array(), b.position());
  }

  private static ByteBuffer text(ByteBuffer b, String s) {
    return b.put((byte) (0xa0 | s.length())).put(s.getBytes(StandardCharsets.US_ASCII));
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
   * @param ids null: it is an error
   * @param failure null: it holds ids. An answer that is neither ids nor an error is INTERNAL
   * @param nonce the element as it was written; null: there is none
   * @param isError whether the headers alone make it an error
   */
  record Answer(IdRange ids, Failure failure, byte[] nonce, boolean isError) {}

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
      return new Answer(new IdRange(f.id, f.n), null, f.nonce, false);
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
        set(name, body, in);
        if (!in.skip()) {
          return false;
        }
      }
      return in.atEnd();
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
