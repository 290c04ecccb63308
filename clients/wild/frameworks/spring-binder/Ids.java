import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import io.nats.cloud.stream.binder.NatsMessageHandler;
import java.time.Duration;
import org.springframework.messaging.support.MessageBuilder;

class Ids {
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
      byte[] next = nc.request(subject, "{}".getBytes(), Duration.ofSeconds(2)).getData();
      System.out.println("note: the next id after that is `" + new String(next) + "`; the connection that the binder is given is one of jnats, and can ask");
    }
  }
}
