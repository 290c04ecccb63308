import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.jackson.dataformat.MessagePackFactory;

/** Reads seqd's replies with the msgpack libraries of Java, and with Jackson's JSON. */
class Decode {
  /** What a caller reads into who expects ids. */
  public static class Reply {
    public long id;
    public int n;
  }

  /** The same by one who takes int to be enough. */
  public static class Narrow {
    public int id;
    public int n;
  }

  interface Read {
    long id() throws Exception;
  }

  static String told(Read read, long want) {
    try {
      long id = read.id();
      return id == want ? "exact" : id + ", no error";
    } catch (Exception e) {
      return "refused: " + e.getClass().getSimpleName() + ": " + String.valueOf(e.getMessage()).split("\n|: Overflow| \\(class| because the return| cannot be cast")[0];
    }
  }

  static byte[] bytes(String file) throws Exception {
    return Files.readAllBytes(Path.of(file));
  }

  static void row(String name, String version) {
    System.out.println("row: Java: " + name);
    System.out.println("version: " + version);
  }

  static void core() throws Exception {
    row("msgpack-core", Versions.of("msgpack-core"));
    System.out.println("big: " + told(() -> unpacked("big", false), (1L << 53) + 1));
    System.out.println("wide: " + told(() -> unpacked("wide", true), (1L << 32) + 5));
    System.out.println("error: " + told(() -> unpacked("error", false), 0));
  }

  /** Reads a map as its order is on the wire: id, then n. */
  static long unpacked(String name, boolean narrow) throws Exception {
    try (MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(bytes(name + ".msgpack"))) {
      unpacker.unpackMapHeader();
      unpacker.unpackString();
      return narrow ? unpacker.unpackInt() : unpacker.unpackLong();
    }
  }

  static void jackson(String name, String version, ObjectMapper mapper, String suffix) {
    row(name, version);
    System.out.println("big: " + told(() -> mapper.readValue(bytes("big" + suffix), Reply.class).id, (1L << 53) + 1));
    System.out.println("wide: " + told(() -> mapper.readValue(bytes("wide" + suffix), Narrow.class).id, (1L << 32) + 5));
    System.out.println("error: " + told(() -> mapper.readValue(bytes("error" + suffix), Reply.class).id, -1));
  }

  static void map(ObjectMapper mapper) throws Exception {
    row("Jackson's msgpack into a Map, cast to Long", Versions.of("jackson-dataformat-msgpack"));
    System.out.println("big: " + told(() -> (Long) mapper.readValue(bytes("big.msgpack"), Map.class).get("id"), (1L << 53) + 1));
    System.out.println("wide: " + told(() -> (Long) mapper.readValue(bytes("wide.msgpack"), Map.class).get("id"), (1L << 32) + 5));
    System.out.println("error: " + told(() -> (Long) mapper.readValue(bytes("error.msgpack"), Map.class).get("id"), 0));
    // Small ids come as Integer, and great ones as Long.
    System.out.println("note: `(Long) map.get(\"id\")` of id 1 is " + told(() -> (Long) mapper.readValue(bytes("small.msgpack"), Map.class).get("id"), 1));
  }

  public static void main(String[] args) throws Exception {
    core();
    ObjectMapper msgpack = new ObjectMapper(new MessagePackFactory());
    jackson("Jackson's msgpack", Versions.of("jackson-dataformat-msgpack"), msgpack, ".msgpack");
    jackson("Jackson's msgpack without FAIL_ON_UNKNOWN_PROPERTIES", Versions.of("jackson-dataformat-msgpack"),
        new ObjectMapper(new MessagePackFactory()).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES), ".msgpack");
    map(msgpack);
    jackson("Jackson's JSON", Versions.of("jackson-databind"), new ObjectMapper(), ".json");
  }

  /** The versions of the jars in lib. */
  static class Versions {
    static String of(String jar) throws Exception {
      try (var jars = Files.list(Path.of("lib"))) {
        return jars.map(j -> j.getFileName().toString()).filter(j -> j.startsWith(jar + "-"))
            .map(j -> j.substring(jar.length() + 1, j.length() - ".jar".length())).findFirst().orElseThrow();
      }
    }
  }
}
