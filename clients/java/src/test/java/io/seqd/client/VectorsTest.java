package io.seqd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The client reproduces and reads the bytes of subjects/testdata. */
class VectorsTest {
  @Test
  void subjects() throws Exception {
    for (JsonObject v : Vectors.read("subjects.json", "good", "subject", "root", "store", "key")) {
      String root = Vectors.text(v, "root");
      String store = Vectors.text(v, "store");
      Keys.checkToken("root", root);
      Keys.checkToken("store", store);
      assertEquals(Vectors.text(v, "subject"), Keys.subject(root, store, Vectors.text(v, "key")));
    }
  }

  @Test
  void badStores() throws Exception {
    int stores = 0;
    for (JsonObject v : Vectors.read("subjects.json", "bad", "root", "subject", "reason")) {
      if (!Vectors.text(v, "reason").startsWith("store-")) {
        continue; // the client takes no raw keys, so none of the others can come about
      }
      stores++;
      String store = Vectors.text(v, "subject").split("\\.", -1)[1];
      var e = assertThrows(SeqdException.BadRequest.class, () -> Keys.checkToken("store", store));
      assertTrue(e.text().startsWith("store "), e.text());
    }
    assertTrue(stores >= 5, "bad stores");
  }

  @Test
  void keys() throws Exception {
    Map<String, String> texts = new HashMap<>();
    for (JsonObject v : Vectors.read("keys.json", "good", "text", "text_hex", "key")) {
      String text = Vectors.text(v, "text");
      if (text == null) {
        continue; // no Unicode text
      }
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      Vectors.assertBytes(Vectors.hex(v, "text_hex"), utf8, v);
      String key = Keys.escape(text);
      assertEquals(Vectors.text(v, "key"), key, () -> v.toString());
      assertNull(texts.put(key, text), () -> "two texts with one key: " + v);
    }
  }

  @Test
  void badKeys() throws Exception {
    Map<String, String> words =
        Map.of("empty", "not 0", "too-long", "200 bytes", "too-many-tokens", "tokens");
    for (JsonObject v : Vectors.read("keys.json", "bad", "text", "text_hex", "reason")) {
      String text = Vectors.text(v, "text");
      if (text == null) {
        continue;
      }
      var e = assertThrows(SeqdException.BadRequest.class, () -> Keys.escape(text), v::toString);
      assertTrue(e.text().contains(words.get(Vectors.text(v, "reason"))), e.text());
    }
    assertThrows(SeqdException.BadRequest.class, () -> Keys.escape(null));
  }

  /** A lone surrogate has no UTF-8; written as a question mark it would share a key with "?". */
  @Test
  void loneSurrogate() {
    assertThrows(SeqdException.BadRequest.class, () -> Keys.escape("a\ud800"));
    assertThrows(SeqdException.BadRequest.class, () -> Keys.escape("\udc00"));
    assertEquals("=F0=9F=98=80", Keys.escape("\ud83d\ude00"));
    assertEquals("=3F", Keys.escape("?"));
  }

  @Test
  void requests() throws Exception {
    int canonical = 0;
    int keyed = 0;
    for (JsonObject v : Vectors.read("requests.json", "good", names())) {
      if (!v.has("canonical") || !v.get("canonical").getAsBoolean()) {
        continue; // what workers must read
      }
      canonical++;
      String mode = Vectors.text(v, "mode");
      byte[] got =
          Wire.request(
              v.get("n").getAsLong(),
              mode == null ? Mode.DEFAULT : Mode.valueOf(mode.toUpperCase(java.util.Locale.ROOT)),
              Vectors.nonce(v),
              Vectors.text(v, "idempotency_key"));
      keyed += Vectors.text(v, "idempotency_key") != null ? 1 : 0;
      Vectors.assertBytes(Vectors.hex(v, "body"), got, v);
    }
    assertTrue(canonical >= 20 && keyed >= 10, "canonical requests");
  }

  /** Our own nonces have the canonical form. */
  @Test
  void nonces() throws Exception {
    int ints = 0;
    for (JsonObject v : Vectors.read("requests.json", "good", names())) {
      if (Vectors.text(v, "name").endsWith("9-byte form")) {
        ints++;
        long u = Long.parseUnsignedLong(Vectors.text(v.getAsJsonObject("nonce"), "value"));
        Vectors.assertBytes(Vectors.nonce(v), Wire.nonce(u), v);
      }
    }
    assertTrue(ints >= 5, "integer nonces");
  }

  private static String[] names() {
    return new String[] {
      "name",
      "headers",
      "body",
      "n",
      "mode",
      "format",
      "timeout_ms",
      "nonce",
      "idempotency_key",
      "canonical"
    };
  }

  @Test
  void replies() throws Exception {
    for (JsonObject v :
        Vectors.read("replies.json", "replies", "id", "n", "nonce", "msgpack", "json", "plain")) {
      Wire.Answer got = Wire.decode(name -> null, Vectors.hex(v, "msgpack"));
      assertIds(v, got);
    }
  }

  @Test
  void numberedReplies() throws Exception {
    for (JsonObject v :
        Vectors.read(
            "replies.json",
            "numbered",
            "id",
            "n",
            "period",
            "numbers",
            "nonce",
            "replayed",
            "headers",
            "msgpack",
            "json",
            "plain")) {
      Wire.Answer got = Wire.decode(Vectors.headers(v), Vectors.hex(v, "msgpack"));
      assertIds(v, got);
      assertEquals(Vectors.text(v, "plain"), String.join("\n", got.numbers().numbers()));
    }
  }

  @Test
  void accepted() throws Exception {
    for (JsonObject v :
        Vectors.read(
            "decode.json",
            "accept",
            "name",
            "headers",
            "body",
            "id",
            "n",
            "nonce",
            "period",
            "numbers",
            "replayed")) {
      assertIds(v, Wire.decode(Vectors.headers(v), Vectors.hex(v, "body")));
    }
  }

  private static void assertIds(JsonObject v, Wire.Answer got) {
    assertNull(got.failure(), v::toString);
    assertEquals(Long.parseLong(Vectors.text(v, "id")), got.ids().start(), v::toString);
    assertEquals(v.get("n").getAsLong(), got.ids().length(), v::toString);
    Vectors.assertBytes(Vectors.nonce(v), got.nonce(), v);
    List<String> numbers = new ArrayList<>();
    if (v.has("numbers")) {
      v.getAsJsonArray("numbers").forEach(number -> numbers.add(number.getAsString()));
    }
    assertEquals(numbers, got.numbers().numbers(), v::toString);
    String period = Vectors.text(v, "period");
    assertEquals(period == null ? "" : period, got.numbers().period(), v::toString);
    boolean replayed = v.has("replayed") && v.get("replayed").getAsBoolean();
    assertEquals(replayed, got.numbers().replayed(), v::toString);
  }

  @Test
  void refused() throws Exception {
    for (JsonObject v :
        Vectors.read(
            "decode.json",
            "refuse",
            "name",
            "headers",
            "body",
            "code",
            "text",
            "retry_after_ms",
            "nonce")) {
      assertFailure(v, Wire.decode(Vectors.headers(v), Vectors.hex(v, "body")));
    }
  }

  @Test
  void errors() throws Exception {
    for (JsonObject v :
        Vectors.read(
            "errors.json",
            "errors",
            "code",
            "number",
            "text",
            "retry_after_ms",
            "nonce",
            "headers",
            "msgpack",
            "json",
            "plain")) {
      assertFailure(v, Wire.decode(Vectors.headers(v), Vectors.hex(v, "msgpack")));
    }
  }

  /** What no worker says has one name in every client, and ids may be spent where they may be. */
  @Test
  void ownErrors() throws Exception {
    List<Failure> all =
        new ArrayList<>(
            List.of(
                Failure.NO_WORKER,
                Failure.NO_ANSWER,
                Failure.STRANGER,
                Failure.LOST,
                Failure.NO_CONNECTION,
                Failure.CONNECTION_CLOSED,
                Failure.CUT_OFF,
                Failure.CLIENT_CLOSED,
                Failure.SEQUENCE_CLOSED));
    for (JsonObject v : Vectors.read("errors.json", "client", "code", "text", "ids_may_be_spent")) {
      String text = Vectors.text(v, "text");
      boolean spent = false;
      for (Failure f :
          all.stream().filter(f -> f.code().equals(Vectors.text(v, "code"))).toList()) {
        all.remove(f);
        spent |= f.idsMayBeSpent();
        assertEquals(text == null ? f.text() : text, f.text());
        assertNotEquals(
            SeqdException.UnknownCode.class, Ended.atOnce(f).exception("", "").getClass());
      }
      assertEquals(v.get("ids_may_be_spent").getAsBoolean(), spent, v::toString);
    }
    assertEquals(List.of(), all, "names that no other client knows");
  }

  private static void assertFailure(JsonObject v, Wire.Answer got) {
    assertNull(got.ids(), v::toString);
    Failure f = got.failure();
    assertEquals(Vectors.text(v, "code"), f.code(), v::toString);
    if (Vectors.text(v, "text") != null) {
      assertEquals(Vectors.text(v, "text"), f.text(), v::toString);
    }
    long retry = v.get("retry_after_ms").isJsonNull() ? 0 : v.get("retry_after_ms").getAsLong();
    assertEquals(retry, f.retryAfter().toMillis(), v::toString);
    Vectors.assertBytes(Vectors.nonce(v), got.nonce(), v);
  }

  /** The table of codes: each has its own exception and number. EXPIRED is tried again, too. */
  @Test
  void codes() throws Exception {
    Map<Class<?>, String> classes = new HashMap<>();
    String[] fields = {"code", "number", "retryable", "ids_may_be_spent"};
    for (JsonObject v : Vectors.read("errors.json", "codes", fields)) {
      String code = Vectors.text(v, "code");
      assertEquals(code, Failure.codeOf(v.get("number").getAsInt()));
      Failure f = Failure.of(code, "text");
      boolean again = v.get("retryable").getAsBoolean() || code.equals(Failure.EXPIRED);
      assertEquals(again, f.retryable(), code);
      assertEquals(v.get("ids_may_be_spent").getAsBoolean(), f.idsMayBeSpent(), code);
      SeqdException e = Ended.atOnce(f).exception("", "");
      assertEquals(code, e.code());
      assertEquals("text", e.text());
      assertNull(classes.put(e.getClass(), code), code);
      assertNotEquals(SeqdException.UnknownCode.class, e.getClass());
    }
    assertEquals(Set.of(400, 409, 429, 500, 503, 504, 507).size(), classes.size());
  }

  /** No byte of a reply can be lost or added without notice. */
  @Test
  void everyPrefixIsRefused() {
    byte[] whole = Vectors.hex(vector("82a26964d30020000000000001a16ece00000003"), "b");
    for (int n = 0; n < whole.length; n++) {
      Wire.Answer got = Wire.decode(name -> null, java.util.Arrays.copyOf(whole, n));
      assertNull(got.ids(), "length " + n);
      assertEquals(Failure.INTERNAL, got.failure().code());
    }
    assertEquals(9007199254740993L, Wire.decode(name -> null, whole).ids().start());
  }

  private static JsonObject vector(String hex) {
    JsonObject v = new JsonObject();
    v.addProperty("b", hex);
    return v;
  }
}
