package io.seqd.client;

/**
 * Takes msgpack elements off a buffer, one {@link #next} at a time. It never reads past the buffer,
 * and believes no length that the rest of the buffer could not hold. A reply has two or three
 * fields: this is less than a library, and has no more faults than the vectors find.
 */
final class Msgpack {
  enum Kind {
    INT, // fits a long
    BIG, // an integer above Long.MAX_VALUE
    STR,
    BIN,
    ARRAY,
    MAP,
    OTHER // nil, bool, float, ext
  }

  private final byte[] buf;
  private int end; // of what has been read

  // The element that next took. Of an array or a map it is the head only: the items follow.
  Kind kind;
  long value; // INT: the value
  int start; // of the element as it was written, up to end
  int dataStart; // STR, BIN: of the content, up to end
  long items; // ARRAY, MAP: how many elements follow (a map's pairs count twice)

  Msgpack(byte[] buf) {
    this.buf = buf;
  }

  boolean atEnd() {
    return end == buf.length;
  }

  /** Returns where the element that next took ends. */
  int end() {
    return end;
  }

  /** Takes one element; false: the buffer holds no whole one. */
  boolean next() {
    if (atEnd()) {
      return false;
    }
    start = end;
    items = 0;
    int b = buf[start] & 0xff;
    if (b < 0x80 || b >= 0xe0) { // fixint
      kind = Kind.INT;
      value = (byte) b;
      return take(1, 0);
    } else if (b < 0x90) {
      return head(Kind.MAP, 1, (b & 0x0f) * 2L);
    } else if (b < 0xa0) {
      return head(Kind.ARRAY, 1, b & 0x0f);
    } else if (b < 0xc0) {
      kind = Kind.STR;
      return take(1, b & 0x1f);
    }
    kind = Kind.OTHER;
    return switch (b) {
      case 0xc0, 0xc2, 0xc3 -> take(1, 0); // nil, false, true
      case 0xc4, 0xc5, 0xc6 -> sized(Kind.BIN, 1 << (b - 0xc4), 0);
      case 0xc7, 0xc8, 0xc9 -> sized(Kind.OTHER, 1 << (b - 0xc7), 1); // ext: a type byte follows
      case 0xca, 0xcb -> take(1, 4 << (b - 0xca)); // float
      case 0xcc, 0xcd, 0xce, 0xcf -> integer(1 << (b - 0xcc), false);
      case 0xd0, 0xd1, 0xd2, 0xd3 -> integer(1 << (b - 0xd0), true);
      case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 -> take(2, 1 << (b - 0xd4)); // fixext
      case 0xd9, 0xda, 0xdb -> sized(Kind.STR, 1 << (b - 0xd9), 0);
      case 0xdc, 0xdd -> counted(Kind.ARRAY, 2 << (b - 0xdc), 1);
      case 0xde, 0xdf -> counted(Kind.MAP, 2 << (b - 0xde), 2);
      default -> false; // 0xc1 is never used
    };
  }

  /**
   * Passes over what follows the head that next took: nothing, or a whole tree of items. It keeps a
   * count in place of a stack, so depth costs nothing.
   */
  boolean skip() {
    for (long left = items; left > 0; left--) {
      if (!next()) {
        return false;
      }
      left += items;
    }
    return true;
  }

  private boolean integer(int width, boolean signed) {
    if (!has(1 + width)) {
      return false;
    }
    long u = unsigned(width);
    int unused = 64 - 8 * width;
    value = signed ? u << unused >> unused : u;
    kind = !signed && u < 0 ? Kind.BIG : Kind.INT;
    return take(1 + width, 0);
  }

  /** Takes an element whose length is written in width bytes behind the first. */
  private boolean sized(Kind k, int width, int extra) {
    if (!has(1 + width)) {
      return false;
    }
    kind = k;
    return take(1 + width + extra, unsigned(width));
  }

  private boolean counted(Kind k, int width, int perItem) {
    return has(1 + width) && head(k, 1 + width, unsigned(width) * perItem);
  }

  private boolean head(Kind k, int size, long count) {
    kind = k;
    items = count;
    return count <= buf.length - start && take(size, 0); // an item has a byte at least
  }

  private boolean has(int size) {
    return size <= buf.length - start;
  }

  /** Reads width big-endian bytes behind the first; of eight the value may come out negative. */
  private long unsigned(int width) {
    long u = 0;
    for (int i = 1; i <= width; i++) {
      u = u << 8 | buf[start + i] & 0xff;
    }
    return u;
  }

  private boolean take(int headSize, long size) {
    if (headSize + size > buf.length - start) {
      return false;
    }
    dataStart = start + headSize;
    end = dataStart + (int) size;
    return true;
  }
}
