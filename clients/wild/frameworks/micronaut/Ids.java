package ids;

import io.micronaut.context.ApplicationContext;
import io.micronaut.messaging.annotation.MessageBody;
import io.micronaut.messaging.annotation.MessageHeader;
import io.micronaut.nats.annotation.NatsClient;
import io.micronaut.nats.annotation.Subject;
import java.util.Map;

// [write]
// Declare String, never Long: a Long is read from eight raw bytes, which a reply is not.
@NatsClient
interface Seqd {
  @MessageHeader(name = "Accept", value = "text/plain")
  String text(@Subject String subject, @MessageHeader("Seq-Count") String count, @MessageBody String body);

  // [/write]
  String json(@Subject String subject, @MessageBody String body);

  Map<String, Object> map(@Subject String subject, @MessageBody String body);

  Long number(@Subject String subject, @MessageHeader("Accept") String accept, @MessageBody String body);
  // [write]
}
// [/write]

class Ids {
  // [write]
  /** The first of n ids. An error is no exception: it is a text like any other. */
  static long ids(Seqd seqd, String subject, int n) {
    String text = seqd.text(subject, Integer.toString(n), "");
    if (text.startsWith("error: ")) {
      throw new IllegalStateException(text);
    }
    return Long.parseLong(text.split(" ")[0]);
  }

  // [/write]

  interface Call {
    Object get() throws Exception;
  }

  static String shown(Call call) {
    try {
      return "`" + call.get() + "`";
    } catch (Exception e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return "`" + cause.getClass().getSimpleName() + "`";
    }
  }

  public static void main(String[] args) throws Exception {
    String subject = System.getenv("WILD_SUBJECT");
    Map<String, Object> settings = Map.of("nats.default.addresses", System.getenv("NATS_URL"));
    try (ApplicationContext context = ApplicationContext.run(settings)) {
      Seqd seqd = context.getBean(Seqd.class);
      System.out.println("row: Micronaut");
      System.out.println("version: micronaut-nats 4.9.0 with Micronaut " + io.micronaut.core.version.VersionUtils.getMicronautVersion());
      System.out.println("id: yes: `" + ids(seqd, subject, 3) + "`");
      System.out.println("error: nothing is thrown: " + shown(() -> seqd.json(subject, "{\"n\":0}")));
      System.out.println("nobody: " + shown(() -> seqd.json("seq.nosuch.key", "{}")));
      System.out.println("note: a method that returns a `Map` gets " + shown(() -> seqd.map(subject, "{}")));
      System.out.println("note: one that returns a `Long` gets " + shown(() -> seqd.number(subject, "text/plain", "")) + " from the text `5`, and "
          + shown(() -> seqd.number("seq.text." + System.getenv("WILD_ROW"), "text/plain", "")) + " from the text `12345678`, which is 8 bytes long");
    }
    System.exit(0);
  }
}
