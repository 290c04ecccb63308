package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The byte vectors that every client reads. */
final class Vectors {
  private Vectors() {}

  /** Returns the repository's root: the folder above that holds the vectors. */
  static Path root() {
    Path start = Path.of("").toAbsolutePath();
    for (Path dir = start; dir != null; dir = dir.getParent()) {
      if (Files.isDirectory(dir.resolve("subjects/testdata"))) {
        return dir;
      }
    }
    throw new AssertionError("no subjects/testdata above " + start);
  }

  /**
   * Reads one group of a file. A field that is not among names fails the test: a check nobody makes
   * is worse than none.
   */
  static List<JsonObject> read(String file, String group, String... names) throws IOException {
    Path path = root().resolve("subjects/testdata").resolve(file);
    JsonObject groups = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
    List<JsonObject> all = new ArrayList<>();
    for (JsonElement e : groups.getAsJsonArray(group)) {
      JsonObject vector = e.getAsJsonObject();
      Set<String> known = Set.copyOf(Arrays.asList(names));
      assertTrue(known.containsAll(vector.keySet()), () -> "unknown fields in " + vector);
      all.add(vector);
    }
    assertFalse(all.isEmpty(), file + " " + group);
    return all;
  }

  static String text(JsonObject vector, String name) {
    JsonElement e = vector.get(name);
    return e == null || e.isJsonNull() ? null : e.getAsString();
  }

  static byte[] hex(JsonObject vector, String name) {
    return HexFormat.of().parseHex(text(vector, name));
  }

  /** Returns the nonce element of a vector; null: none. */
  static byte[] nonce(JsonObject vector) {
    JsonElement e = vector.get("nonce");
    return e == null || e.isJsonNull() ? null : hex(e.getAsJsonObject(), "msgpack");
  }

  static UnaryOperator<String> headers(JsonObject vector) {
    JsonObject all = vector.getAsJsonObject("headers");
    return name -> text(all, name);
  }

  static void assertBytes(byte[] want, byte[] got, Object vector) {
    assertEquals(hexOf(want), hexOf(got), String.valueOf(vector));
  }

  private static String hexOf(byte[] bytes) {
    return bytes == null ? "none" : HexFormat.of().formatHex(bytes);
  }
}
