import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.impl.DefaultCamelContext;

class Ids {
  // [write]
  /** The first of n ids. The headers of a reply are lost on the way, so an error is told by its body. */
  static long ids(ProducerTemplate camel, String subject, int n) {
    Map<String, Object> headers = Map.of("Accept", "text/plain", "Seq-Count", n);
    byte[] answer = (byte[]) camel.requestBodyAndHeaders("nats:" + subject + "?requestTimeout=2000", "", headers);
    String text = new String(answer);
    if (text.startsWith("error: ")) {
      throw new IllegalStateException(text);
    }
    return Long.parseLong(text.split(" ")[0]);
  }

  // [/write]

  public static void main(String[] args) throws Exception {
    String subject = System.getenv("WILD_SUBJECT");
    try (CamelContext context = new DefaultCamelContext()) {
      context.getPropertiesComponent().addInitialProperty("camel.component.nats.servers", System.getenv("NATS_URL"));
      context.getComponent("nats", org.apache.camel.component.nats.NatsComponent.class).setServers(System.getenv("NATS_URL"));
      context.start();
      ProducerTemplate camel = context.createProducerTemplate();
      System.out.println("row: Apache Camel");
      System.out.println("version: " + context.getVersion());
      System.out.println("id: yes: `" + ids(camel, subject, 3) + "`");
      Exchange wrong = camel.request("nats:" + subject, e -> e.getMessage().setBody("{\"n\":0}"));
      System.out.println(
          "error: by the body alone: `" + new String((byte[]) wrong.getMessage().getBody()) + "`; the exchange has failed: " + wrong.isFailed()
              + ", it has the header `Nats-Service-Error-Code`: " + (wrong.getMessage().getHeader("Nats-Service-Error-Code") != null));
      Exchange nobody = camel.request("nats:seq.nosuch.key", e -> e.getMessage().setBody("{}"));
      System.out.println("nobody: the exchange fails with `" + nobody.getException().getClass().getSimpleName() + "`");
      Exchange only = camel.send("nats:" + subject, ExchangePattern.InOnly, e -> e.getMessage().setBody("{}"));
      System.out.println("note: an exchange that is `InOnly` has no reply subject and spends no id; the next one after it is `" + ids(camel, subject, 1) + "`");
    }
    System.exit(0);
  }
}
