import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import io.nats.cloud.stream.binder.NatsMessageHandler;
import java.time.Duration;
import org.springframework.messaging.support.MessageBuilder;

class Ids {
  // [write]
  /** The answer in JSON: it holds an id, or a code. The connection is the binder's, a bean. */
  static String json(Connection nc, String subject, int n) throws Exception {
    io.nats.client.Message reply = nc.request(subject, ("{\"n\":" + n + "}").getBytes(), Duration.ofSeconds(2));
    if (reply == null) {
      throw new IllegalStateException("no worker, or no answer within 2 s");
    }
    return new String(reply.getData());
  }

  // [/write]

  public static void main(String[] args) throws Exception {
    String subject = System.getenv("WILD_SUBJECT");
    System.out.println("row: Spring Cloud Stream's binder");
    System.out.println("version: nats-spring-cloud-stream-binder 0.5.1 with jnats " + Nats.CLIENT_VERSION);
    try (Connection nc = Nats.connect(System.getenv("NATS_URL"))) {
      // The binder's handler is all that a message to an output binding goes through.
      Subscription heard = nc.subscribe("heard");
      nc.flush(Duration.ofSeconds(2));
      NatsMessageHandler output = new NatsMessageHandler("heard", nc);
      output.afterPropertiesSet();
      output.handleMessage(MessageBuilder.withPayload("{\"n\":3}").setHeader("Accept", "text/plain").build());
      io.nats.client.Message message = heard.nextMessage(Duration.ofSeconds(5));
      System.out.println("id: no: what it publishes has the reply subject `" + message.getReplyTo() + "`, and headers: " + message.hasHeaders());
      NatsMessageHandler seqd = new NatsMessageHandler(subject, nc);
      seqd.afterPropertiesSet();
      seqd.handleMessage(MessageBuilder.withPayload("{\"n\":0}").build());
      System.out.println("error: not told");
      NatsMessageHandler nobody = new NatsMessageHandler("seq.nosuch.key", nc);
      nobody.afterPropertiesSet();
      nobody.handleMessage(MessageBuilder.withPayload("{}").build());
      System.out.println("nobody: not told");
      System.out.println("note: the next id after that is `" + json(nc, subject, 1) + "`, by the connection of jnats that the binder is given");
    }
  }
}
