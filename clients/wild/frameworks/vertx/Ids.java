import io.nats.client.Message;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import io.nats.vertx.NatsClient;
import io.nats.vertx.NatsOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;

class Ids {
  // [write]
  static Future<Long> ids(NatsClient nats, String subject, int n) {
    Headers headers = new Headers();
    headers.put("Accept", "text/plain");
    headers.put("Seq-Count", Integer.toString(n));
    return nats.requestWithTimeout(subject, headers, null, Duration.ofSeconds(2))
        .compose(
            reply ->
                reply.hasHeaders() && reply.getHeaders().containsKey("Nats-Service-Error")
                    ? Future.failedFuture(reply.getHeaders().getFirst("Nats-Service-Error"))
                    : Future.succeededFuture(Long.parseLong(new String(reply.getData()).split(" ")[0])));
  }

  // [/write]

  static <T> T get(Future<T> f) throws Exception {
    return f.toCompletionStage().toCompletableFuture().get();
  }

  public static void main(String[] args) throws Exception {
    Vertx vertx = Vertx.vertx();
    NatsOptions options = new NatsOptions().setVertx(vertx);
    options.setNatsBuilder(Options.builder().server(System.getenv("NATS_URL")));
    NatsClient nats = NatsClient.create(options);
    get(nats.connect());
    String subject = System.getenv("WILD_SUBJECT");
    System.out.println("row: nats-vertx-interface");
    System.out.println("version: 2.1.0 with jnats " + io.nats.client.Nats.CLIENT_VERSION);
    System.out.println("id: yes: `" + get(ids(nats, subject, 3)) + "`");
    Message wrong = get(nats.request(subject, "{\"n\":0}"));
    System.out.println("error: a reply like any other, with the header `Nats-Service-Error-Code: " + wrong.getHeaders().getFirst("Nats-Service-Error-Code") + "`");
    Future<Message> nobody = nats.request("seq.nosuch.key", "{}");
    try {
      get(nobody);
      System.out.println("nobody: a reply");
    } catch (java.util.concurrent.ExecutionException | java.util.concurrent.CancellationException e) {
      System.out.println("nobody: the future fails with `" + nobody.cause().getClass().getSimpleName() + "`");
    }
    get(nats.close());
    get(vertx.close());
    System.exit(0);
  }
}
