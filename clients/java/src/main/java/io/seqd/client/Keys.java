package io.seqd.client;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The grammar of subjects: what a store may be called, and how any text is written as a key. */
final class Keys {
  static final int MAX_TOKEN_BYTES = 64;
  static final int MAX_KEY_BYTES = 200; // escapes and separators included
  static final int MAX_KEY_TOKENS = 15;

  private static final String HEX = "0123456789ABCDEF";

  private Keys() {}

  /** Returns the subject to ask for ids of an escaped key. It checks nothing. */
  static String subject(String root, String store, String key) {
    return root + "." + store + "." + key;
  }

  /**
   * Checks that s can be a store's name or a root: 1 to 64 of the characters A-Za-z0-9_-. The text
   * of the BAD_REQUEST begins with what.
   */
  static void checkToken(String what, String s) {
    if (s == null || s.isEmpty() || s.length() > MAX_TOKEN_BYTES) {
      throw Failure.badRequest(
          "%s must have 1 to %d characters, not %d",
          what, MAX_TOKEN_BYTES, s == null ? 0 : s.length());
    }
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '/' || !plain(c)) {
        throw Failure.badRequest("%s may hold A-Z a-z 0-9 _ - only, not %s", what, quote(c));
      }
    }
  }

  /**
   * Writes any non-empty text as a key. A dot separates tokens, but one that is first, last or
   * follows another dot becomes =2E; every other byte outside A-Za-z0-9-_/ becomes =XX. Different
   * texts give different keys.
   */
  static String escape(String text) {
    return isOneToken(text) ? text : escapeBytes(text);
  }

  /** Reports whether a text is a key as it stands, with nothing to escape: most are. */
  private static boolean isOneToken(String text) {
    if (text == null || text.isEmpty() || text.length() > MAX_KEY_BYTES) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (!plain(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  private static String escapeBytes(String text) {
    ByteBuffer bytes = utf8(text);
    if (bytes.remaining() == 0) {
      throw Failure.badRequest("key must have 1 to %d bytes, not 0", MAX_KEY_BYTES);
    }
    StringBuilder key = new StringBuilder(bytes.remaining() + 16);
    int tokens = 1;
    int end = bytes.remaining() - 1;
    for (int i = 0; i <= end; i++) {
      int b = bytes.get(i) & 0xff;
      if (plain(b)) {
        key.append((char) b);
      } else if (b == '.' && i > 0 && i < end && bytes.get(i - 1) != '.') {
        key.append('.');
        tokens++;
      } else {
        key.append('=').append(HEX.charAt(b >> 4)).append(HEX.charAt(b & 15));
      }
    }
    if (key.length() > MAX_KEY_BYTES) {
      throw Failure.badRequest(
          "key must have 1 to %d bytes, not %d, which it has once escaped",
          MAX_KEY_BYTES, key.length());
    }
    if (tokens > MAX_KEY_TOKENS) {
      throw Failure.badRequest("key has %d tokens, at most %d are allowed", tokens, MAX_KEY_TOKENS);
    }
    return key.toString();
  }

  /**
   * Returns the text in UTF-8. A lone surrogate is an error: getBytes would write it as a question
   * mark, and two keys would be one.
   */
  private static ByteBuffer utf8(String text) {
    if (text == null) {
      throw Failure.badRequest("key must be a text, not null");
    }
    if (text.length() > MAX_KEY_BYTES) { // a key is at least as long as its text
      throw Failure.badRequest(
          "key must have 1 to %d bytes, not %d or more", MAX_KEY_BYTES, text.length());
    }
    try {
      return StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
    } catch (CharacterCodingException e) {
      throw Failure.badRequest("key is not Unicode text: a surrogate stands alone");
    }
  }

  /** Reports whether a byte may stand in a key unescaped, inside a token. */
  private static boolean plain(int b) {
    return b >= 'a' && b <= 'z'
        || b >= 'A' && b <= 'Z'
        || b >= '0' && b <= '9'
        || b == '-'
        || b == '_'
        || b == '/';
  }

  private static String quote(char c) {
    return c < ' ' || c > '~' ? String.format("U+%04X", (int) c) : "'" + c + "'";
  }
}
